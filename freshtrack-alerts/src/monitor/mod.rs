//! The monitor: all that is remembered of one unit between two evaluations.
//!
//! Four axes that do not touch each other, what they need to remember, and the unit's open alerts as
//! they stand in their rows. Only [`step`](crate::step::step) changes it. Every delay is a stored
//! instant, so reading the same document after a restart resets nothing.

pub mod connectivity;
pub mod cooling_failure;
pub mod day_means;
pub mod defrost;
pub mod device_health;
pub mod door;
pub mod manual_duty;
pub(crate) mod micros;
pub mod product;
pub mod temperature;

use crate::alert::{Alert, AlertKey, AlertType};
use crate::incident::Role;
use crate::suppression::Window;
use connectivity::ConnectivityAxis;
use cooling_failure::OutRun;
use day_means::DayMeans;
use defrost::Defrost;
use device_health::DeviceHealth;
use door::DoorAxis;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{AlertId, DeviceId};
use freshtrack_core::time::Timestamp;
use product::Product;
use serde::{Deserialize, Serialize};
use temperature::{Evaluated, TemperatureAxis};

/// State of one unit. Stores keep it as an opaque JSON document beside its version.
///
/// Default values are not written, and absent ones are read as default, so documents of earlier
/// versions load.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Monitor {
    /// Temperature axis.
    #[serde(rename = "t", skip_serializing_if = "is_default")]
    pub temperature: TemperatureAxis,
    /// Connectivity axis, as of the newest evaluation.
    #[serde(rename = "c", skip_serializing_if = "is_default")]
    pub connectivity: ConnectivityAxis,
    /// Since when a manual log is due.
    #[serde(
        rename = "md",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub manual_due_since: Option<Timestamp>,
    /// Door axis.
    #[serde(rename = "d", skip_serializing_if = "is_default")]
    pub door: DoorAxis,
    /// Effective time of the newest door report.
    #[serde(
        rename = "dt",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub door_reported_at: Option<Timestamp>,
    /// The device that made it.
    #[serde(rename = "dd", skip_serializing_if = "Option::is_none")]
    pub door_device: Option<DeviceId>,
    /// Newest evaluated reading; its time is the newest check-in.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub newest: Option<Evaluated>,
    /// Effective time of the newest applied reading, door report or rule change.
    #[serde(rename = "a", with = "micros", skip_serializing_if = "is_default")]
    pub applied_at: Timestamp,
    /// When the unit was last evaluated; time never runs backwards for a unit.
    #[serde(rename = "e", with = "micros", skip_serializing_if = "is_default")]
    pub evaluated_at: Timestamp,
    /// Newest manual log.
    #[serde(
        rename = "ml",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_manual_log_at: Option<Timestamp>,
    /// What the defrost-aware rule pack remembers; nothing under the basic one.
    #[serde(rename = "df", skip_serializing_if = "Option::is_none")]
    pub defrost: Option<Box<Defrost>>,
    /// The product behind the air sensor, where its time constant is set.
    #[serde(rename = "pm", skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Daily means.
    #[serde(rename = "dm", skip_serializing_if = "Option::is_none")]
    pub day_means: Option<Box<DayMeans>>,
    /// Since when somebody should look at the product: what happened in a gap is not known.
    #[serde(
        rename = "pc",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub product_check_since: Option<Timestamp>,
    /// Readings out of range in a row.
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub run: Option<OutRun>,
    /// Since when a cooling failure is suspected.
    #[serde(
        rename = "cf",
        with = "micros::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub cooling_failure: Option<Timestamp>,
    /// Devices that were heard of.
    #[serde(rename = "h", skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceHealth>,
    /// Alerts closed by a person while their condition held.
    #[serde(rename = "rr", skip_serializing_if = "Vec::is_empty")]
    pub reraises: Vec<Reraise>,
    /// Conditions that a suppression keeps quiet.
    #[serde(rename = "hb", skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
    /// Suppressions that reach this unit, past ones left out.
    #[serde(rename = "sw", skip_serializing_if = "Vec::is_empty")]
    pub suppressions: Vec<Window>,
    /// The unit's part in an incident, as its step was told.
    #[serde(rename = "oi", skip_serializing_if = "Option::is_none")]
    pub outage: Option<Role>,
    /// Version of the rules it was judged by last.
    #[serde(rename = "rv", skip_serializing_if = "is_default")]
    pub rules_version: i64,
    /// Calls made about open alerts.
    #[serde(rename = "es", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Calls>,
    /// Whether the open temperature alert has had its notice of lasting too long.
    #[serde(rename = "mx", skip_serializing_if = "is_default")]
    pub max_excursion_told: bool,
    /// Whether the unit is archived: then nothing moves.
    #[serde(rename = "x", skip_serializing_if = "is_default")]
    pub archived: bool,
    /// Open alerts, as in their rows.
    #[serde(rename = "al", skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
}

/// A condition that is looked at again some time after a person closed its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reraise {
    /// Which alert.
    #[serde(flatten)]
    pub key: AlertKey,
    /// When.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// The alert that was closed.
    pub from: AlertId,
}

/// A condition that holds, has no alert, and lies in a suppression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Which alert would have been raised.
    #[serde(flatten)]
    pub key: AlertKey,
    /// End of the suppression as it was known then.
    #[serde(with = "micros")]
    pub until: Timestamp,
}

/// How often escalation has called about an open alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Which alert.
    #[serde(flatten)]
    pub key: AlertKey,
    /// Steps and repetitions.
    pub made: u16,
}

impl Monitor {
    /// The displayed status: computed from the axes, first match wins.
    #[must_use]
    pub const fn status(&self) -> UnitStatus {
        match (&self.temperature, &self.connectivity) {
            (TemperatureAxis::Alarm { .. }, _) => UnitStatus::AlarmActive,
            (TemperatureAxis::Excursion { .. }, _) => UnitStatus::Excursion,
            _ if self.manual_due_since.is_some() => UnitStatus::ManualRequired,
            (_, ConnectivityAxis::Silent { .. }) => UnitStatus::MonitoringInterrupted,
            (_, ConnectivityAxis::Late { .. }) => UnitStatus::Offline,
            (TemperatureAxis::Restoring { .. }, _) => UnitStatus::Restoring,
            _ => UnitStatus::Ok,
        }
    }

    /// Time of the newest check-in.
    #[must_use]
    pub fn last_check_in(&self) -> Option<Timestamp> {
        self.newest.map(|newest| newest.at)
    }

    /// The instant before whose windows nothing matters any more to a unit made at `created_at`.
    #[must_use]
    pub fn looked_at(&self, created_at: Timestamp) -> Timestamp {
        if self.evaluated_at == Timestamp::default() {
            created_at
        } else {
            self.evaluated_at
        }
    }

    /// Takes over suppressions as they are stored now. One that ends earlier than was known lets go of
    /// the calls that waited for its end.
    pub fn learn(&mut self, windows: impl IntoIterator<Item = Window>) {
        for window in windows {
            let known = self.suppressions.iter_mut().find(|own| own.id == window.id);
            let Some(known) = known else {
                self.suppressions.push(window);
                continue;
            };
            for alert in &mut self.alerts {
                if alert.next_escalation_at == Some(known.ends_at) {
                    alert.next_escalation_at = Some(window.ends_at.min(known.ends_at));
                }
            }
            *known = window;
        }
    }

    /// The open alert of this key.
    #[must_use]
    pub fn open_alert(&self, key: AlertKey) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.key == key)
    }

    /// End of the suppression that covers `alert_type` at `now`: the last one, where they overlap.
    #[must_use]
    pub fn suppressed_until(&self, alert_type: AlertType, now: Timestamp) -> Option<Timestamp> {
        let mut until = None;
        let mut at = now;
        while let Some(end) = self
            .suppressions
            .iter()
            .filter(|window| window.covers(alert_type, at))
            .map(|window| window.ends_at)
            .max()
        {
            until = Some(end);
            at = end;
        }
        until
    }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
