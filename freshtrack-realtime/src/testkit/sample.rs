//! Ids, events and a clock for tests. Everything is a function of its arguments.

use crate::envelope::Envelope;
use crate::outbox_view::ReadingView;
use crate::render::render_or_hint;
use freshtrack_core::event::{EventKind, OutboxEvent};
use freshtrack_core::ids::{AlertId, ApiKeyId, DeviceId, OrgId, ReadingId, SiteId, UnitId, UserId};
use freshtrack_core::ports::Clock;
use freshtrack_core::reading::{ReadingSource, Zone};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

macro_rules! sample_ids {
    ($($name:ident -> $id:ident, $kind:literal;)+) => {$(
        /// The sample id with this number.
        #[must_use]
        pub fn $name(number: u32) -> $id {
            id($kind, number)
        }
    )+};
}

sample_ids! {
    org -> OrgId, 1;
    site -> SiteId, 2;
    unit -> UnitId, 3;
    user -> UserId, 4;
    alert -> AlertId, 5;
    device -> DeviceId, 6;
    reading_id -> ReadingId, 7;
    api_key -> ApiKeyId, 8;
}

fn id<T: FromStr>(kind: u16, number: u32) -> T {
    let text = format!("{number:08x}-0000-7000-8000-{kind:012x}");
    let Ok(id) = text.parse() else {
        unreachable!("the text has the form of a UUID")
    };
    id
}

/// Seconds after the beginning of sample time, 2026-03-14T06:40:00Z.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_773_470_400 + seconds)
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that says `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves it.
    pub fn advance(&self, by: Span) {
        self.0.fetch_add(by.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// An event without a number yet.
#[must_use]
pub fn event(org: OrgId, kind: EventKind, place: (SiteId, UnitId), payload: Value) -> OutboxEvent {
    OutboxEvent {
        org,
        seq: 0,
        kind,
        occurred_at: at(0),
        site: Some(place.0),
        unit: Some(place.1),
        alert: None,
        user: None,
        payload,
    }
}

/// `alert.raised` of alert `number`.
#[must_use]
pub fn alert_raised(org: OrgId, place: (SiteId, UnitId), number: u32) -> OutboxEvent {
    let payload = json!({ "alert": alert_value(number) });
    event(org, EventKind::AlertRaised, place, payload)
}

/// An alert as payloads carry it.
#[must_use]
pub fn alert_value(number: u32) -> Value {
    json!({
        "id": alert(number),
        "alert_type": "temp_excursion",
        "severity": "warning",
        "status": "active",
        "title": "Fridge 1 is at 9.4 °C",
        "condition_since": at(-60),
        "raised_at": at(0),
        "raise_reason": "condition_started",
        "violated": "max",
        "trigger": { "temperature": 9_444, "recorded_at": at(-60) },
        "limit": { "milli": 5_000, "unit": "C", "boundary": "safe" },
        "escalation_level": 0,
        "version": 1,
    })
}

/// `reading.accepted` with these readings.
#[must_use]
pub fn readings(org: OrgId, place: (SiteId, UnitId), views: &[ReadingView]) -> OutboxEvent {
    let payload = json!({ "readings": views });
    event(org, EventKind::ReadingAccepted, place, payload)
}

/// An evaluated reading of 4.5 °C taken `seconds` into sample time.
#[must_use]
pub fn reading(number: u32, seconds: i64) -> ReadingView {
    ReadingView {
        id: reading_id(number),
        device_id: Some(device(1)),
        temperature_milli_celsius: Some(4_500),
        humidity_centi: None,
        battery_percent: Some(90),
        battery_mv: None,
        rssi_dbm: Some(-80),
        recorded_at: at(seconds),
        source: ReadingSource::Ttn,
        late: false,
        simulated: false,
        zone: Some(Zone::In),
    }
}

/// `unit.state_changed` between two statuses.
#[must_use]
pub fn state_changed(
    org: OrgId,
    place: (SiteId, UnitId),
    (from, to): (&str, &str),
    (from_group, to_group): (&str, &str),
) -> OutboxEvent {
    let payload = json!({
        "from": from, "to": to, "from_group": from_group, "to_group": to_group,
        "temperature": "excursion", "connectivity": "online", "reason": "reading",
    });
    event(org, EventKind::UnitStateChanged, place, payload)
}

/// The event as the dispatcher publishes it, in °C.
#[must_use]
pub fn envelope(event: &OutboxEvent) -> Envelope {
    render_or_hint(event, TemperatureUnit::C).envelope
}
