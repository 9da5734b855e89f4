//! Is the process alive, can it do its work, and how is it doing.

use crate::app::App;
use crate::live::metrics_text;
use freshtrack_realtime::ports::{BusKind, BusState, BusStatus};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A loop that did not come round for this long does not work.
const BEAT_WITHIN: Duration = Duration::from_mins(1);
/// The database answers within this, or is not reachable.
const DATABASE_WITHIN: Duration = Duration::from_secs(5);

/// The process answers.
#[handler]
pub(super) fn live() -> Response {
    Response::builder()
        .content_type("application/json")
        .body(r#"{"status":"ok"}"#)
}

/// The process can do its work: each check by name, 503 if one fails.
#[handler]
pub(super) async fn ready(app: Data<&Arc<App>>) -> Response {
    let mut checks = serde_json::Map::new();
    let mut all_good = true;
    let mut note = |name: &str, good: bool, more: serde_json::Value| {
        all_good &= good;
        checks.insert(name.to_owned(), json!({ "ok": good, "detail": more }));
    };
    let database = tokio::time::timeout(DATABASE_WITHIN, app.store.health()).await;
    match &database {
        Ok(Ok(health)) => {
            let at_head = health.migrations_at_head;
            note("database", true, json!("reachable"));
            note(
                "migrations",
                at_head,
                json!(if at_head { "applied" } else { "not at head" }),
            );
        }
        Ok(Err(error)) => {
            tracing::warn!(error = ?error, "database is not ready");
            note("database", false, json!(error.to_string()));
        }
        Err(_) => note("database", false, json!("no answer in time")),
    }
    for beat in &app.beats {
        let age = beat.age();
        note(
            beat.name(),
            age < BEAT_WITHIN,
            json!({ "seconds_since_last_round": age.as_secs() }),
        );
    }
    let behind = app.dispatcher_behind.load(Ordering::Relaxed);
    checks.insert("dispatcher_behind_events".to_owned(), json!(behind));
    if app.draining.load(Ordering::Relaxed) {
        all_good = false;
        checks.insert("draining".to_owned(), json!(true));
    }
    let bus = app.hub.bus_status();
    checks.insert("bus".to_owned(), bus_view(&bus));
    let status = match (all_good, bus.state) {
        (false, _) => "unavailable",
        // Other nodes hear of events a moment later; nothing is lost, so requests keep coming.
        (true, BusState::Down { .. }) => "degraded",
        (true, BusState::Up) => "ok",
    };
    let body = json!({ "status": status, "checks": checks });
    Response::builder()
        .status(if all_good {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        })
        .content_type("application/json")
        .body(body.to_string())
}

/// Live connections, and the bus between nodes.
#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "handlers take what they extract"
)]
pub(super) fn realtime(app: Data<&Arc<App>>) -> Response {
    let stats = app.hub.stats();
    let [socketio, websocket, sse] = stats.connections;
    let body = json!({
        "websocket": { "enabled": true, "connections": socketio },
        "stream": { "connections": websocket },
        "sse": { "connections": sse },
        "bus": bus_view(&app.hub.bus_status()),
        "buffered_readings": stats.buffered_readings,
    });
    Response::builder()
        .content_type("application/json")
        .body(body.to_string())
}

fn bus_view(bus: &BusStatus) -> serde_json::Value {
    let kind = match bus.kind {
        BusKind::Memory => "memory",
        BusKind::Redis => "redis",
    };
    let (status, since) = match (bus.kind, bus.state) {
        (BusKind::Memory, _) => ("memory", None),
        (BusKind::Redis, BusState::Up) => ("up", None),
        (BusKind::Redis, BusState::Down { since }) => ("down", Some(since.to_rfc3339_millis())),
    };
    json!({ "kind": kind, "status": status, "since": since })
}

/// Metrics in Prometheus' text format.
#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "handlers take what they extract"
)]
pub(super) fn metrics(app: Data<&Arc<App>>) -> Response {
    ::metrics::gauge!("freshtrack_ingest_room_readings").set(exact(app.ingest.room()));
    let behind = app.dispatcher_behind.load(Ordering::Relaxed);
    ::metrics::gauge!("freshtrack_dispatcher_behind_events")
        .set(exact(usize::try_from(behind).unwrap_or(0)));
    let (stats, bus) = (app.hub.stats(), app.hub.bus_status());
    let realtime_text = metrics_text(&stats, &bus, &app.arrivals.outcomes());
    for beat in &app.beats {
        let age = beat.age().as_secs_f64();
        ::metrics::gauge!("freshtrack_loop_age_seconds", "loop" => beat.name()).set(age);
    }
    Response::builder()
        .content_type("text/plain; version=0.0.4")
        .body(app.metrics.render() + &realtime_text)
}

/// A count as a gauge wants it; counts stay far below 2^53.
fn exact(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
