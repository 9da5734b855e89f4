//! Values the laws are stated with, beside those of [`freshtrack_core::testkit::sample`].

use super::{AlertStores, fail};
use crate::alert::{
    Alert, AlertEvent, AlertEventKind, AlertKey, AlertStatus, AlertType, RaiseReason, Resolution,
    ResolutionKind, Severity,
};
use crate::change::{Change, UnitChange, UnitContext};
use crate::monitor::Monitor;
use freshtrack_core::audit::Journal;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{DeviceId, OrgId, UnitId};
use freshtrack_core::principal::Actor;
use freshtrack_core::reading::{
    QuarantineReason, QuarantinedReading, Reading, ReadingFlags, ReadingSource, Zone,
};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use freshtrack_core::time::Timestamp;
use serde_json::json;

/// When sample evaluations happen.
pub const EVALUATED: i64 = 100;

/// What the store knows of one unit.
pub async fn unit_context(store: &dyn AlertStores, org: OrgId, unit: UnitId) -> UnitContext {
    let loaded = store.monitors().load(org, &[unit]).await;
    let loaded = loaded
        .unwrap_or_else(fail)
        .expect("the organization is there");
    let [context] = <[_; 1]>::try_from(loaded.units).expect("the unit is there, once");
    context
}

/// An evaluation of a unit from its present version: nothing but a state due at `deadline` and a
/// journal of one event each, named by `label`.
pub async fn evaluation(
    store: &dyn AlertStores,
    org: OrgId,
    unit: UnitId,
    deadline: Option<Timestamp>,
    label: &str,
) -> Change {
    let context = unit_context(store, org, unit).await;
    let mut change = Change::empty(org, at(EVALUATED));
    change.units.push(UnitChange {
        unit,
        expected_version: context.monitor_version,
        monitor: Monitor::default(),
        status: UnitStatus::Ok,
        next_deadline: deadline,
        stored_until: context.stored_until,
    });
    change.journal = journal(label);
    change
}

/// Stores a further unit of the first area.
pub async fn further_unit(store: &dyn AlertStores, tenant: &Tenant, name: &str) -> UnitId {
    let unit = tenant.new_unit(name);
    let id = unit.id;
    let made = store
        .places()
        .create_unit(tenant.org, unit, Journal::default());
    made.await.unwrap_or_else(fail);
    id
}

/// Stores a device of the first unit.
pub async fn device(store: &dyn AlertStores, tenant: &Tenant, name: &str) -> DeviceId {
    let device = tenant.new_device(name);
    let id = device.id;
    let made = store
        .devices()
        .create(tenant.org, device, Journal::default());
    made.await.unwrap_or_else(fail);
    id
}

/// An evaluated reading of a unit, without a device, of 4 °C.
#[must_use]
pub fn reading(unit: UnitId, seconds: i64) -> Reading {
    Reading {
        unit,
        device: None,
        probe: 0,
        recorded_at: at(seconds),
        effective_at: at(seconds),
        received_at: at(seconds + 2),
        temperature: Some(Temperature::from_milli_celsius(4_000)),
        raw_temperature: None,
        reported_unit: TemperatureUnit::C,
        humidity_centi: None,
        battery_percent: None,
        battery_mv: None,
        rssi_dbm: None,
        snr_centi: None,
        door: None,
        zone: Some(Zone::In),
        source: ReadingSource::Api,
        flags: ReadingFlags::default(),
    }
}

/// A value of a unit that was put aside.
#[must_use]
pub fn quarantined(unit: UnitId, seconds: i64) -> QuarantinedReading {
    QuarantinedReading {
        unit,
        device: None,
        probe: 0,
        recorded_at: at(seconds),
        received_at: at(seconds + 2),
        reason: QuarantineReason::Implausible,
        raw_value: "327.67".to_owned(),
    }
}

/// An active temperature alert of a unit of the first area, raised at `seconds`.
#[must_use]
pub fn alert(tenant: &Tenant, unit: UnitId, seconds: i64) -> Alert {
    Alert {
        id: tenant.id(),
        site: tenant.site,
        area: tenant.area,
        unit,
        key: AlertKey {
            alert_type: AlertType::TempExcursion,
            device: None,
        },
        severity: Severity::Warning,
        status: AlertStatus::Active,
        title: "Fridge 1 is too warm".to_owned(),
        condition_since: at(seconds - 10),
        first_out_at: None,
        confirmed_at: None,
        cleared_at: None,
        raised_at: at(seconds),
        raise_reason: RaiseReason::ConditionStarted,
        violated: None,
        trigger: None,
        limit: None,
        extreme: None,
        acknowledged: None,
        resolved: None,
        escalation_level: 0,
        paged_at: None,
        next_escalation_at: None,
        escalation_exhausted_at: None,
        incident: None,
        correlated_with: None,
        reraised_from: None,
        corrective_action_pending: false,
        corrective_action_recorded: false,
        rules_version: 1,
        version: 1,
    }
}

/// The next version of an alert, closed by itself at `seconds`.
#[must_use]
pub fn resolved(alert: &Alert, seconds: i64) -> Alert {
    let mut alert = alert.clone();
    alert.status = AlertStatus::Resolved;
    alert.cleared_at = Some(at(seconds));
    alert.resolved = Some(Resolution {
        kind: ResolutionKind::Auto,
        by: None,
        at: at(seconds),
        note: None,
    });
    alert.version += 1;
    alert
}

/// A line of an alert's history.
#[must_use]
pub fn line(alert: &Alert, kind: AlertEventKind, seconds: i64) -> AlertEvent {
    AlertEvent {
        alert: alert.id,
        at: at(seconds),
        kind,
        actor: Actor::System,
        details: json!({ "seconds": seconds }),
    }
}
