//! Four uplinks of The Things Stack, and the alert they lead to.

use anyhow::{Context, Result, ensure};
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::memory::ManualClock;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::clock::RandomIds;
use freshtrack_server::config::{Overrides, Settings, from_environment};
use freshtrack_server::identity;
use freshtrack_server::local_key::LocalKey;
use freshtrack_server::onboarding::{self, Onboarded};
use freshtrack_server::wiring::{Environment, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Minute and °C. The limit of a fridge is 5 °C, and ten minutes above it are an alarm.
const UPLINKS: [(i64, f64); 4] = [(0, 3.4), (5, 7.1), (10, 7.6), (15, 8.0)];
const DEV_EUI: &str = "A84041FFFF1C2D3E";

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::new("2026-03-02T12:00:00Z".parse()?));
    let environment = Environment {
        clock: Arc::<ManualClock>::clone(&clock),
        ids: Arc::new(RandomIds),
    };
    let server = Server::start_in(settings(folder.path())?, environment).await?;
    let (made, token) = onboard(&server, folder.path(), clock.now()).await?;
    identity::install_tls();
    let http = reqwest::Client::builder().build()?;
    let api = format!(
        "http://{}/api/v1/organizations/{}",
        server.address(),
        made.organization
    );
    let device = json!({ "name": "Probe 1", "dev_eui": DEV_EUI, "unit_id": made.unit });
    let answer = http.post(format!("{api}/devices")).bearer_auth(&token);
    answer.json(&device).send().await?.error_for_status()?;

    let start = clock.now();
    for (frame, (minute, celsius)) in (1..).zip(UPLINKS) {
        clock.set(start + Span::from_minutes(minute));
        let call = http
            .post(format!("{}/uplink", made.webhook_url))
            .header("x-webhook-secret", &made.webhook_secret)
            .json(&uplink(frame, celsius, clock.now()));
        let answer: Value = call.send().await?.error_for_status()?.json().await?;
        print(&format!("{}  {celsius} °C  {answer}", clock.now()));
    }
    let alert = confirmed_alert(&http, &api, &token).await?;
    let title = alert["title"].as_str().context("an alert without title")?;
    print(&format!("\ncritical: {title}"));
    server.stop().await;
    Ok(())
}

/// An uplink as The Things Stack posts it, cut to what matters here. The network's own payload formatter
/// has decoded it; for known models the server decodes the raw frame itself.
fn uplink(frame: u32, celsius: f64, at: Timestamp) -> Value {
    json!({
        "end_device_ids": {
            "device_id": "probe-1",
            "dev_eui": DEV_EUI,
            "application_ids": { "application_id": "kitchen" },
        },
        "received_at": at,
        "uplink_message": {
            "f_port": 2,
            "f_cnt": frame,
            "decoded_payload": { "temperature": celsius },
            "received_at": at,
        },
    })
}

/// The webhook answers once a message is stored; it is evaluated a moment later.
async fn confirmed_alert(http: &reqwest::Client, api: &str, token: &str) -> Result<Value> {
    let url = format!("{api}/alerts?type=temp_excursion");
    for _ in 0..100 {
        let answer = http.get(&url).bearer_auth(token).send().await?;
        let page: Value = answer.error_for_status()?.json().await?;
        if let Some(alert) = page.pointer("/items/0")
            && alert["confirmed_at"].is_string()
        {
            ensure!(alert["severity"] == "critical", "not critical: {alert}");
            return Ok(alert.clone());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("no alert within five seconds")
}

/// Defaults, in `folder`, on a free port; the environment is left out on purpose.
fn settings(folder: &Path) -> Result<Settings> {
    let flags = Overrides {
        listen: Some("127.0.0.1:0".to_owned()),
        data_dir: Some(folder.to_str().context("a path that is text")?.to_owned()),
        ..Overrides::default()
    };
    Ok(from_environment(flags, Vec::new())?)
}

async fn onboard(server: &Server, folder: &Path, now: Timestamp) -> Result<(Onboarded, String)> {
    let app = server.app();
    let request = onboarding::Request {
        organization: "Diner".to_owned(),
        owner_email: "owner@example.com".to_owned(),
        unit_type: UnitType::Fridge,
        simulator_alerts: false,
    };
    let made = onboarding::bootstrap(&app.store, &app.public_url, &RandomIds, now, request).await?;
    let key = LocalKey::open(folder, &RandomIds)?;
    let token = identity::sign(&key, &made.owner, now, Span::from_seconds(3_600))?;
    Ok((made, token))
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
