//! What alerts say: unit, site, value and limit in the limit's scale, since when in the site's time.

use crate::alert::{Alert, AlertType, Severity, Violated};
use crate::step::Facts;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use std::fmt::Write as _;

/// One line: what is wrong with which unit, since when.
#[must_use]
pub fn title(alert: &Alert, facts: &Facts<'_>) -> String {
    let mut text = format!("{}, {}: ", facts.unit.name, facts.site_name);
    what(&mut text, alert, facts);
    text.push_str(" since ");
    text.push_str(&local_time(alert.condition_since, facts.site_timezone));
    text
}

fn what(text: &mut String, alert: &Alert, facts: &Facts<'_>) {
    match alert.key.alert_type {
        AlertType::TempExcursion => temperature(text, alert),
        AlertType::SuspectedCoolingFailure => {
            text.push_str("cooling failure suspected, ");
            temperature(text, alert);
        }
        AlertType::MonitoringInterrupted => text.push_str(match alert.severity {
            Severity::Critical => "sensor silent",
            Severity::Info | Severity::Warning => "sensor late",
        }),
        AlertType::MissedManualEntry => text.push_str("manual measurement due"),
        AlertType::DoorOpen => text.push_str("door open"),
        AlertType::LowBattery => of_device(text, "battery low", alert, facts),
        AlertType::SensorFault => of_device(text, "sensor fault", alert, facts),
        AlertType::CalibrationDue => of_device(text, "calibration due", alert, facts),
    }
}

fn temperature(text: &mut String, alert: &Alert) {
    let Some(value) = alert
        .extreme
        .or(alert.trigger.map(|trigger| trigger.temperature))
    else {
        text.push_str("out of range");
        return;
    };
    let unit = alert.limit.map_or(TemperatureUnit::C, |limit| limit.unit);
    text.push_str(&degrees(value, unit));
    if let (Some(limit), Some(violated)) = (alert.limit, alert.violated) {
        let side = match violated {
            Violated::Max => "above",
            Violated::Min => "below",
        };
        let _ = write!(text, ", {side} the limit of {limit}");
    }
}

fn of_device(text: &mut String, what: &str, alert: &Alert, facts: &Facts<'_>) {
    text.push_str(what);
    let device = alert
        .key
        .device
        .and_then(|id| facts.devices.iter().find(|device| device.id == id));
    if let Some(device) = device {
        let _ = write!(text, " ({})", device.name);
    }
}

/// A temperature in a scale: as many decimals as it has in °C, at most two in °F.
#[must_use]
pub fn degrees(t: Temperature, unit: TemperatureUnit) -> String {
    match unit {
        TemperatureUnit::C => t.to_string(),
        TemperatureUnit::F => {
            let milli = i32::try_from(t.centi_fahrenheit() * 10).unwrap_or(i32::MAX);
            Limit::fahrenheit(milli).to_string()
        }
    }
}

/// An instant as a clock on the site's wall shows it; UTC, and said so, if the zone is unknown.
#[must_use]
pub fn local_time(at: Timestamp, zone: &str) -> String {
    match zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => at
            .to_datetime()
            .with_timezone(&zone)
            .format("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_) => at.to_datetime().format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_the_scale_of_the_limit() {
        let t = Temperature::from_milli_celsius(7_361);
        assert_eq!(degrees(t, TemperatureUnit::C), "7.361 °C");
        assert_eq!(degrees(t, TemperatureUnit::F), "45.25 °F");
    }

    #[test]
    fn times_are_told_on_the_wall_of_the_site() {
        let at = "2026-03-08T07:30:00Z".parse().unwrap();
        assert_eq!(local_time(at, "America/New_York"), "2026-03-08 03:30");
        assert_eq!(local_time(at, "Moon/Base"), "2026-03-08 07:30 UTC");
    }
}
