//! The manual duty: when a person has to measure because no sensor does.

use super::connectivity::{COMMISSIONING_GRACE, boundary};
use crate::cascade::{EffectiveRules, seconds};
use freshtrack_core::hierarchy::{MonitoringMode, Unit};
use freshtrack_core::time::Timestamp;

/// When a manual log becomes due if nothing arrives; the past if it is due already, nothing if people
/// are not asked.
///
/// In sensor mode two conditions must hold: the sensor has missed enough check-ins, and neither it nor
/// a person has measured for the interval. A unit that was never measured at all owes a log as soon as
/// it counts as silent.
#[must_use]
pub fn due_at(
    last_check_in: Option<Timestamp>,
    last_manual_log: Option<Timestamp>,
    rules: &EffectiveRules,
    unit: &Unit,
) -> Option<Timestamp> {
    if !rules.manual_logging_enabled {
        return None;
    }
    let patience = seconds(rules.manual_interval_seconds) + seconds(rules.manual_grace_seconds);
    match unit.monitoring_mode {
        MonitoringMode::Manual => {
            let last = last_manual_log.map_or(unit.monitoring_started_at, |log| {
                log.max(unit.monitoring_started_at)
            });
            Some(last + patience)
        }
        MonitoringMode::Sensor => {
            let missing = last_check_in
                .map_or(unit.monitoring_started_at + COMMISSIONING_GRACE, |last| {
                    boundary(last, rules, rules.manual_missed_threshold)
                });
            let measured = last_check_in.max(last_manual_log);
            Some(measured.map_or(missing, |last| missing.max(last + patience)))
        }
    }
}
