//! The demo's verdict: was every injected fault alerted, and nothing else.

use super::fleet::{Fault, Fleet};
use super::live_log::clock;
use anyhow::Context;
use freshtrack_core::time::Timestamp;
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// One fault and when it was alerted.
struct Detection {
    unit: &'static str,
    fault: Fault,
    after_minutes: Option<i64>,
}

/// What the demo showed.
pub(super) struct Verdict {
    detections: Vec<Detection>,
    false_alerts: Vec<String>,
    recovered_excursions: usize,
    readings: u64,
}

/// Compares the alerts that were raised with the faults that were injected.
///
/// An excursion that recovered before it was confirmed paged nobody: it is on record, and no alert in
/// the sense of the verdict.
pub(super) fn judge(
    fleet: &Fleet,
    alerts: &[Value],
    started: Timestamp,
    readings: u64,
) -> anyhow::Result<Verdict> {
    let mut detections: Vec<Detection> = fleet
        .units
        .iter()
        .filter_map(|unit| unit.fault().map(|fault| (unit.name, fault)))
        .map(|(unit, fault)| Detection {
            unit,
            fault,
            after_minutes: None,
        })
        .collect();
    let mut false_alerts = Vec::new();
    let mut recovered_excursions = 0;
    for alert in alerts {
        let kind = alert["type"].as_str().context("an alert without type")?;
        let unit: Uuid = alert["unit_id"]
            .as_str()
            .context("an alert without unit")?
            .parse()?;
        let unit = fleet.units.iter().find(|simulated| simulated.id == unit);
        if kind == "temp_excursion" && alert["confirmed_at"].is_null() {
            recovered_excursions += 1;
            continue;
        }
        let fault = unit.and_then(|unit| unit.fault().map(|fault| (unit.name, fault)));
        match fault {
            Some((name, fault)) if kind == fault.alert_type => {
                let at = alert["confirmed_at"]
                    .as_str()
                    .or_else(|| alert["raised_at"].as_str());
                let at: Timestamp = at.context("an alert without time")?.parse()?;
                let minutes = (at - started).as_seconds() / 60 - i64::from(fault.minute) - 1;
                let detection = detections.iter_mut().find(|d| d.unit == name);
                if let Some(detection) = detection {
                    let sooner = detection.after_minutes.unwrap_or(i64::MAX).min(minutes);
                    detection.after_minutes = Some(sooner);
                }
            }
            Some((_, fault)) if fault.also.contains(&kind) => {}
            _ => false_alerts.push(alert["title"].as_str().unwrap_or(kind).to_owned()),
        }
    }
    Ok(Verdict {
        detections,
        false_alerts,
        recovered_excursions,
        readings,
    })
}

impl Verdict {
    /// Whether every fault was alerted and nothing false was.
    pub(super) fn passed(&self) -> bool {
        self.false_alerts.is_empty() && self.detections.iter().all(|d| d.after_minutes.is_some())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nSummary: {} readings accepted", self.readings)?;
        for Detection {
            unit,
            fault,
            after_minutes,
        } in &self.detections
        {
            let found = match after_minutes {
                Some(minutes) => format!("alerted after {minutes} min"),
                None => "MISSED".to_owned(),
            };
            writeln!(
                f,
                "  {:<20} {unit:<15} at {}  {found}",
                fault.what,
                clock(fault.minute)
            )?;
        }
        writeln!(
            f,
            "  {} excursions (doors, defrosts) recovered before confirmation; nobody is paged for those",
            self.recovered_excursions
        )?;
        writeln!(f, "  false alerts: {}", self.false_alerts.len())?;
        for title in &self.false_alerts {
            writeln!(f, "    {title}")?;
        }
        write!(f, "{}", if self.passed() { "PASSED" } else { "FAILED" })
    }
}
