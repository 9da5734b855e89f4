//! The whole engine as a rule: what somebody is really called for.

use super::minute;
use super::rule::AlarmRule;
use crate::alert::{AlertEventKind, AlertType, Severity};
use crate::cascade::EffectiveRules;
use crate::replay::{Replay, Transition};
use crate::rules::RulePack;
use crate::step::{Facts, Observation};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, SiteId, UnitId};
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

/// A unit of the whole engine: every reading a step, every timer a tick, as in [`Replay`]. Its confirmed
/// temperature alarms are the raises.
#[derive(Debug)]
pub struct ThroughEngine<'a> {
    replay: Replay<'a>,
    other_calls: u32,
}

impl<'a> ThroughEngine<'a> {
    /// A unit nothing is known of, read every `cadence`, with an upper limit only: what is asked is the
    /// warm side, and freezers of the fleet run as cold as they like.
    #[must_use]
    pub fn new(unit: &'a Unit, rule_pack: RulePack, limit: Limit, cadence: Span) -> Self {
        let rules = EffectiveRules {
            temp_max: Some(limit),
            temp_min: None,
            rule_pack,
            check_in_interval_seconds: u32::try_from(cadence.as_seconds()).unwrap_or(u32::MAX),
            ..EffectiveRules::built_in(UnitType::Freezer)
        };
        let facts = Facts {
            unit,
            site_name: "Fleet",
            site_timezone: "UTC",
            corrective_action_required: false,
            devices: &[],
        };
        Self {
            replay: Replay::new(facts, rules),
            other_calls: 0,
        }
    }

    fn note(&mut self, transitions: &[Transition]) -> Option<Timestamp> {
        let others = transitions.iter().filter(|told| calls_for_another(told));
        self.other_calls += u32::try_from(others.count()).unwrap_or(u32::MAX);
        let alarm = transitions.iter().find(|told| told.is_alarm());
        alarm.map(|told| told.at)
    }
}

/// Whether somebody is called now for another reason than the temperature.
fn calls_for_another(told: &Transition) -> bool {
    let critical = told.severity == Severity::Critical
        && matches!(
            told.kind,
            AlertEventKind::Raised | AlertEventKind::SeverityRaised
        );
    told.alert_type != AlertType::TempExcursion
        && (critical || told.kind == AlertEventKind::Escalated)
}

impl AlarmRule for ThroughEngine<'_> {
    fn observe(&mut self, at: Timestamp, air: Temperature) -> Option<Timestamp> {
        let told = self.replay.push(Observation::temperature(at, air));
        self.note(&told)
    }

    fn tick(&mut self, now: Timestamp) -> Option<Timestamp> {
        let told = self.replay.pass_until(now);
        self.note(&told)
    }

    fn other_calls(&self) -> u32 {
        self.other_calls
    }
}

/// The unit that stands for each freezer of the fleet.
#[must_use]
pub fn freezer_unit() -> Unit {
    let start = minute(0);
    Unit {
        id: UnitId::from_uuid(Uuid::from_u128(3)),
        site_id: SiteId::from_uuid(Uuid::from_u128(1)),
        area_id: AreaId::from_uuid(Uuid::from_u128(2)),
        name: "Freezer".to_owned(),
        unit_type: UnitType::Freezer,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: start,
        status: UnitStatus::Ok,
        created_at: start,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit::celsius(-18_000);

    /// Confirmed minutes of a freezer that is read every quarter of an hour.
    fn raises(pack: RulePack, air: &[i32]) -> Vec<i64> {
        let unit = freezer_unit();
        let mut engine = ThroughEngine::new(&unit, pack, LIMIT, Span::from_minutes(15));
        let mut found = Vec::new();
        for (index, milli) in (0..).zip(air) {
            let at = minute(15 * index);
            found.extend(engine.observe(at, Temperature::from_milli_celsius(*milli)));
        }
        found.extend(engine.tick(minute(600)));
        assert!(
            engine.other_calls() > 0,
            "ten hours of silence call somebody"
        );
        let minutes = found.iter().map(|at| (*at - minute(0)).as_seconds() / 60);
        minutes.collect()
    }

    #[test]
    fn the_engine_is_a_rule_of_either_pack() {
        let defrost = [
            -20_000, -20_000, -15_000, -6_000, -2_000, -9_000, -15_000, -19_000,
        ];
        assert!(raises(RulePack::DefrostAware, &defrost).is_empty());
        assert_eq!(raises(RulePack::Basic, &defrost), [40]);
        let failure = [-20_000, -20_000, -17_500, -17_000, -16_000];
        assert_eq!(raises(RulePack::DefrostAware, &failure), [45]);
    }
}
