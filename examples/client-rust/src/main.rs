//! The journey of one kitchen, through the client that progenitor generates from the API description:
//! places are made, a reading is too warm, the alert is read, taken and closed.
//!
//! | variable | |
//! |---|---|
//! | `KITCHEN_URL` | where the server is, e.g. `http://127.0.0.1:8080` |
//! | `KITCHEN_TOKEN` | the token of an owner or admin, as `freshtrack bootstrap` prints it |
//! | `KITCHEN_ORG` | the organization's id |
#![deny(warnings)]

/// The client, as generated.
#[allow(unused, clippy::all, clippy::pedantic, reason = "generated")]
mod api {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use anyhow::{Context, Result, ensure};
use api::{Client, Error, types};
use chrono::{TimeDelta, Utc};
use reqwest::header::{HeaderMap, HeaderValue};
use std::env;
use uuid::Uuid;

/// A client whose requests carry one header.
fn client(url: &str, header: &'static str, value: &str) -> Result<Client> {
    let mut headers = HeaderMap::new();
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    headers.insert(header, value);
    let http = reqwest::Client::builder()
        .default_headers(headers)
        .build()?;
    Ok(Client::new_with_client(url, http))
}

fn setting(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = setting("KITCHEN_URL")?;
    let org: Uuid = setting("KITCHEN_ORG")?.parse()?;
    let token = setting("KITCHEN_TOKEN")?;
    let owner = client(&url, "authorization", &format!("Bearer {token}"))?;

    let unit = hierarchy(&owner, org).await?;
    measure(&url, &owner, org, unit).await?;
    let alert = alert(&owner, org, unit).await?;
    refusals(&url, &owner, org, alert).await?;
    println!("client-rust: alert {alert} raised, taken and closed");
    Ok(())
}

/// A hierarchy of its own, so that the program may run again on the same server.
async fn hierarchy(owner: &Client, org: Uuid) -> Result<Uuid> {
    let name = format!("Harbour {}", Uuid::new_v4());
    let site = types::NewSite::builder().name(name);
    let site = owner.create_site().org_id(org).body(site).send().await?;
    let area = types::NewArea::builder().name("Cold room").site_id(site.id);
    let area = owner.create_area().org_id(org).body(area).send().await?;
    let unit = types::NewUnit::builder()
        .name("Fish fridge")
        .area_id(area.id)
        .unit_type(types::UnitType::Fridge);
    let unit = owner.create_unit().org_id(org).body(unit).send().await?;
    let found = owner.get_unit().org_id(org).unit_id(unit.id).send().await?;
    ensure!(found.name == "Fish fridge", "{found:?}");
    Ok(unit.id)
}

/// A machine posts what it measures; its key may do nothing else.
async fn measure(url: &str, owner: &Client, org: Uuid, unit: Uuid) -> Result<()> {
    let key = types::NewApiKey::builder()
        .name("logger")
        .scopes(vec![types::Scope::Ingest]);
    let key = owner.create_api_key().org_id(org).body(key).send().await?;
    let machine = client(url, "x-api-key", &key.key)?;
    let reading = |minutes: i64, temperature: f64| -> Result<types::PostedReading> {
        let recorded_at = Utc::now() - TimeDelta::minutes(minutes);
        Ok(types::PostedReading::builder()
            .unit_id(unit)
            .recorded_at(recorded_at)
            .temperature(temperature)
            .try_into()?)
    };
    let batch = types::ReadingBatch::builder()
        .temperature_unit(types::TemperatureUnit::C)
        .readings(vec![reading(11, 8.2)?, reading(0, 8.4)?]);
    let posted = machine.ingest_readings().body(batch).send().await?;
    ensure!(posted.counts.accepted == 2, "{posted:?}");
    let readings = owner
        .list_readings()
        .org_id(org)
        .unit_id(unit)
        .temperature_unit(types::TemperatureUnit::C)
        .limit(2_u32)
        .send()
        .await?;
    let temperatures: Vec<_> = readings.items.iter().map(|r| r.temperature).collect();
    ensure!(temperatures == [Some(8.4), Some(8.2)], "{readings:?}");
    Ok(())
}

/// Above the limit for longer than the ten minutes that confirm: a critical alert, taken and closed.
async fn alert(owner: &Client, org: Uuid, unit: Uuid) -> Result<Uuid> {
    let alerts = owner
        .list_alerts()
        .org_id(org)
        .unit_id(unit)
        .status(vec![types::AlertStatus::Active])
        .type_(vec![types::AlertType::TempExcursion])
        .send()
        .await?;
    let [alert] = alerts.items.as_slice() else {
        anyhow::bail!("not one alert: {alerts:?}");
    };
    ensure!(alert.severity == types::Severity::Critical, "{alert:?}");
    let note = types::Acknowledge::builder().note("on my way".to_owned());
    let taken = owner.acknowledge_alert().org_id(org).alert_id(alert.id);
    let taken = taken.body(note).send().await?;
    ensure!(
        taken.status == types::AlertStatus::Acknowledged,
        "{taken:?}"
    );
    let note = types::Resolve::builder().note("the door was ajar".to_owned());
    let closed = owner.resolve_alert().org_id(org).alert_id(alert.id);
    let closed = closed.body(note).send().await?;
    ensure!(closed.status == types::AlertStatus::Resolved, "{closed:?}");
    Ok(alert.id)
}

/// Refusals are typed, too: one problem schema, decided by its stable code.
async fn refusals(url: &str, owner: &Client, org: Uuid, alert: Uuid) -> Result<()> {
    let again = owner.acknowledge_alert().org_id(org).alert_id(alert);
    let again = again.body(types::Acknowledge::builder()).send().await;
    ensure!(code(again.err()) == Some((409, "alert-resolved".to_owned())));
    let stranger = Client::new(url).list_alerts().org_id(org).send().await;
    ensure!(code(stranger.err()) == Some((401, "unauthenticated".to_owned())));
    Ok(())
}

fn code(error: Option<Error<types::Problem>>) -> Option<(u16, String)> {
    match error {
        Some(Error::ErrorResponse(problem)) => {
            Some((problem.status().as_u16(), problem.into_inner().code))
        }
        _ => None,
    }
}
