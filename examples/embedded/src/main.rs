//! FreshTrack inside another service: ingest, the SQLite store and the sweeper, without HTTP.
//!
//! The host owns the runtime, the clock and the loops. Here the clock is moved by hand, so a quarter
//! of an hour passes at once; a service would pass `freshtrack_server::clock::SystemClock` and sweep
//! twice a second.

use anyhow::{Context, Result, ensure};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::engine::Engine;
use freshtrack_alerts::ingest::{Ingest, IngestConfig};
use freshtrack_alerts::ports::AlertFilter;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature, ReadingOutcome};
use freshtrack_alerts::sweep::Sweeper;
use freshtrack_core::audit::Journal;
use freshtrack_core::hierarchy::{
    Area, AreaDetails, MonitoringMode, Organization, Site, SiteDetails, Unit, UnitDetails,
    UnitStatus, UnitType,
};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId, UserId};
use freshtrack_core::memory::ManualClock;
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{Clock, IdGen, NewOrganization};
use freshtrack_core::principal::User;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::clock::RandomIds;
use freshtrack_server::store::{Store, StoreOptions};
use std::sync::Arc;

/// Minute and °C. The limit of a fridge is 5 °C, and ten minutes above it are an alarm.
const READINGS: [(i64, &str); 4] = [(0, "3.8"), (5, "7.2"), (10, "7.9"), (14, "8.4")];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("embedded.db").display());
    let store = Store::connect(&url, StoreOptions::default()).await?;
    let clock = Arc::new(ManualClock::new("2026-03-02T12:00:00Z".parse()?));
    let start = clock.now();
    let new = diner(start);
    let (org, unit) = (new.organization.id, new.units[0].id);
    store.organizations.create(new, Journal::default()).await?;

    let engine = Engine {
        store: Arc::clone(&store.monitors),
        clock: Arc::<ManualClock>::clone(&clock),
        ids: Arc::new(RandomIds),
    };
    let (ingest, writer) = Ingest::new(engine.clone(), IngestConfig::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let host = async {
        for (minute, celsius) in READINGS {
            clock.set(start + Span::from_minutes(minute));
            let mut reading = PostedReading::new(Target::Unit(unit), clock.now());
            reading.temperature = Some(PostedTemperature::parse(celsius, TemperatureUnit::C));
            // Answered when it is durable; posting it again would answer `Duplicate`.
            let outcomes = ingest.ingest(org, vec![Ok(reading)], None).await?;
            let durable = matches!(outcomes[..], [ReadingOutcome::Accepted { .. }]);
            ensure!(durable, "not accepted: {outcomes:?}");
            print(&format!("{}  {celsius} °C is durable", clock.now()));
        }
        // No further reading comes. The alarm of 12:15 is due all the same.
        clock.set(start + Span::from_minutes(15));
        let report = Sweeper::new(engine).sweep().await?;
        print(&format!(
            "{}  {} unit was due",
            clock.now(),
            report.evaluated
        ));
        drop(stop);
        anyhow::Ok(())
    };
    let written = writer.run(async { drop(stopped.await) });
    tokio::join!(host, written).0?;

    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let alerts = store
        .alerts
        .list(org, &AlertFilter::default(), page)
        .await?;
    let alert = alerts.items.first().context("no alert was raised")?;
    ensure!(alert.confirmed_at.is_some(), "the timer did not fire");
    print(&format!(
        "\n{} {}: {}",
        alert.severity, alert.status, alert.title
    ));
    for line in store.alerts.history(org, alert.id, 100).await? {
        print(&format!("  {}  {}", line.at, line.kind));
    }
    store.close().await;
    Ok(())
}

/// An organization with one fridge: all that ingest needs to know.
fn diner(now: Timestamp) -> NewOrganization {
    let ids = RandomIds;
    let site = Site {
        id: SiteId::from_uuid(ids.uuid()),
        name: "Main Street".to_owned(),
        timezone: "America/New_York".to_owned(),
        corrective_action_required: false,
        details: SiteDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    let area = Area {
        id: AreaId::from_uuid(ids.uuid()),
        site_id: site.id,
        name: "Kitchen".to_owned(),
        sort_order: 0,
        details: AreaDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    let unit = Unit {
        id: UnitId::from_uuid(ids.uuid()),
        site_id: site.id,
        area_id: area.id,
        name: "Fridge 1".to_owned(),
        unit_type: UnitType::Fridge,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: now,
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: now,
        updated_at: now,
        version: 1,
        archived: None,
    };
    NewOrganization {
        organization: Organization {
            id: OrgId::from_uuid(ids.uuid()),
            slug: "diner".to_owned(),
            name: "Diner".to_owned(),
            timezone: "America/New_York".to_owned(),
            display_unit: TemperatureUnit::C,
            simulator_alerts: false,
            created_at: now,
            version: 1,
        },
        owner: User {
            id: UserId::from_uuid(ids.uuid()),
            issuer: "https://login.example".to_owned(),
            subject: "owner".to_owned(),
            email: None,
            created_at: now,
        },
        sites: vec![site],
        areas: vec![area],
        units: vec![unit],
        api_keys: Vec::new(),
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
