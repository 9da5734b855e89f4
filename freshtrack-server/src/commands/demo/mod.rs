//! `freshtrack demo`: the whole journey at high speed, with a verdict at the end.
//!
//! A real server on a temporary database, a small fleet whose faults are known, and the real HTTP
//! routes. Only the clock is simulated: the demo moves it minute by minute, so three hours pass in the
//! time that is given, and a slow machine changes nothing.

mod client;
mod fleet;
mod live_log;
mod verdict;

use crate::cli::{Demo, Failure, parse_time};
use crate::clock::{RandomIds, SystemClock};
use crate::config::{DatabaseUrl, Limits, LogFormat, Role, Settings, SqliteSync};
use crate::identity;
use crate::local_key::LocalKey;
use crate::onboarding::{self, Onboarded, Request};
use crate::wiring::{Environment, Server};
use anyhow::Context;
use client::Client;
use fleet::{Fleet, MINUTES};
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::memory::ManualClock;
use freshtrack_core::ports::{Clock, IdGen};
use freshtrack_core::time::{Span, Timestamp};
use live_log::LiveLog;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Time kept for starting and for the end.
const OVERHEAD: Duration = Duration::from_secs(3);
/// Shortest run: below it the loops cannot keep up with the simulated time.
const SHORTEST: Duration = Duration::from_secs(10);
/// Simulated time between the confirmation of an alert and somebody taking it.
const ACKNOWLEDGE_AFTER_MINUTES: u32 = 4;
/// How long the end waits for the last events.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Runs the demo. Exit 0 if every injected fault was alerted and nothing else was, 1 if not, 130 if
/// somebody stopped it.
///
/// # Errors
/// Exit 2 for a wrong flag, exit 1 if the server cannot start or a request fails.
pub async fn run(flags: Demo) -> Result<ExitCode, Failure> {
    let duration = parse_time("--for", &flags.duration)?.to_duration();
    if duration < SHORTEST {
        return Err(Failure::Usage(format!(
            "`--for` is `{}`, but it must be 10s or more",
            flags.duration
        )));
    }
    let listen = flags.listen.parse().map_err(|_| {
        Failure::Usage(format!(
            "`--listen` is `{}`, but it must be an address and a port",
            flags.listen
        ))
    })?;
    let directory = temporary_directory()?;
    let clock = Arc::new(ManualClock::new(SystemClock::start().now()));
    let environment = Environment {
        clock: Arc::<ManualClock>::clone(&clock),
        ids: Arc::new(RandomIds),
    };
    let server = Server::start_in(settings(listen, &directory), environment).await?;
    let story = tell(&server, &clock, &directory, duration, flags.seed);
    let outcome = tokio::select! {
        outcome = story => outcome,
        signal = tokio::signal::ctrl_c() => {
            signal.context("waiting for Ctrl-C")?;
            live_log::say("stopped early: no verdict");
            Ok(ExitCode::from(130))
        }
    };
    server.stop().await;
    std::fs::remove_dir_all(&directory)
        .with_context(|| format!("removing {}", directory.display()))?;
    outcome
}

fn temporary_directory() -> anyhow::Result<std::path::PathBuf> {
    let directory = std::env::temp_dir().join(format!("freshtrack-demo-{}", RandomIds.uuid()));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("making {}", directory.display()))?;
    Ok(directory)
}

/// The demo raises the request limits, since hours of requests arrive within minutes, and says so.
fn settings(listen: std::net::SocketAddr, directory: &std::path::Path) -> Settings {
    Settings {
        listen,
        database: DatabaseUrl::sqlite(directory.join("freshtrack.db")),
        sqlite_sync: SqliteSync::Normal,
        redis: None,
        role: Role::All,
        data_dir: directory.to_path_buf(),
        public_url: None,
        log_format: LogFormat::Text,
        log: "warn".to_owned(),
        issuers: Vec::new(),
        allowed_origins: Vec::new(),
        limits: Limits {
            requests_per_minute: 1_000_000,
            ingest_requests_per_minute: 1_000_000,
            ..Limits::default()
        },
    }
}

async fn tell(
    server: &Server,
    clock: &ManualClock,
    directory: &std::path::Path,
    duration: Duration,
    seed: u64,
) -> Result<ExitCode, Failure> {
    let started = clock.now();
    let (made, token) = onboard(server, directory, started).await?;
    let client = Client::new(server.address(), made.organization, &token, &made.api_key)?;
    let mut fleet = Fleet::new(seed);
    fleet.install(&client, &made).await?;
    live_log::introduce(
        server.address(),
        &token,
        made.organization,
        &fleet,
        duration,
    );
    let mut log = LiveLog::follow(&client, started, fleet.names()).await?;
    let pace = duration.saturating_sub(OVERHEAD) / MINUTES;
    let mut acknowledged = Vec::new();
    for minute in 0..MINUTES {
        let step = tokio::time::Instant::now() + pace;
        clock.advance(Span::from_minutes(1));
        client
            .post_readings(&fleet.readings(minute, clock.now()))
            .await?;
        log.drain(Duration::ZERO).await;
        if minute % 30 == 29 {
            log.progress(minute + 1, client.readings_accepted());
        }
        for alert in log.confirmed_before(clock.now(), ACKNOWLEDGE_AFTER_MINUTES) {
            if !acknowledged.contains(&alert) {
                client.acknowledge(alert).await?;
                acknowledged.push(alert);
            }
        }
        tokio::time::sleep_until(step).await;
    }
    log.drain(SETTLE).await;
    let alerts = client.alerts().await?;
    let verdict = verdict::judge(&fleet, &alerts, started, client.readings_accepted())?;
    live_log::say(&verdict.to_string());
    Ok(if verdict.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn onboard(
    server: &Server,
    directory: &std::path::Path,
    now: Timestamp,
) -> anyhow::Result<(Onboarded, String)> {
    let app = server.app();
    let request = Request {
        organization: "Demo Diner".to_owned(),
        owner_email: "owner@demo.example".to_owned(),
        unit_type: UnitType::Fridge,
        simulator_alerts: false,
    };
    let made = onboarding::bootstrap(&app.store, &app.public_url, app.ids.as_ref(), now, request)
        .await
        .context("making the organization")?;
    let key = LocalKey::open(directory, app.ids.as_ref()).context("opening the signing key")?;
    let token = identity::sign(&key, &made.owner, now, Span::from_seconds(7 * 86_400))?;
    Ok((made, token))
}
