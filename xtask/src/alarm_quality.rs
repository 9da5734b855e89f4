//! `cargo xtask alarm-quality`: what each rule pack does on the simulated fleet.
//!
//! Two tables per fleet: the rules by themselves (a plain limit of 15 minutes and the defrost-aware
//! tracker), and the same fleet through the whole engine with each rule pack, every reading a step and
//! every timer a tick. The engine's tables take fewer units, because they are a thousand times the work.

use freshtrack_alerts::alert::{AlertEventKind, AlertType, Severity};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::food_safety::defrost::Params;
use freshtrack_alerts::food_safety::fleet::{
    AlarmRule, DefrostAware, Doors, Fleet, PlainThreshold, Report, minute, report,
};
use freshtrack_alerts::replay::{Replay, Transition};
use freshtrack_alerts::rules::RulePack;
use freshtrack_alerts::step::{Facts, Observation};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitDetails, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, SiteId, UnitId};
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::{Span, Timestamp};

const LIMIT: Limit = Limit::celsius(-18_000);
const PLAIN_DELAY: Span = Span::from_minutes(15);

/// Arguments of `alarm-quality`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Units per cadence that are run through the engine; 0 for none.
    #[arg(long, default_value_t = 2)]
    engine_units: u32,
    /// Healthy days of each of them.
    #[arg(long, default_value_t = 7)]
    engine_days: u32,
}

/// Prints the tables.
pub(crate) fn run(args: &Args) {
    let shut = Fleet {
        doors: Doors::Shut,
        ..Fleet::HOLDOUT
    };
    for (name, fleet) in [
        ("tuning fleet", Fleet::TUNING),
        ("holdout fleet", Fleet::HOLDOUT),
        ("holdout fleet, doors shut", shut),
    ] {
        let plain = report(fleet, |_| PlainThreshold::new(LIMIT, PLAIN_DELAY));
        show(name, "rule alone, plain limit 15 min", &plain);
        let aware = report(fleet, |cadence| {
            DefrostAware::new(Params::freezer(LIMIT, cadence))
        });
        show(name, "rule alone, defrost_aware", &aware);
    }
    if args.engine_units > 0 {
        let fleet = Fleet {
            units: args.engine_units,
            days: args.engine_days,
            ..Fleet::HOLDOUT
        };
        let name = format!(
            "holdout fleet, {} units, {} days",
            args.engine_units, args.engine_days
        );
        let unit = freezer();
        for pack in RulePack::ALL {
            let through = report(fleet, |cadence| Engine::new(&unit, *pack, cadence));
            show(&name, &format!("engine, {pack}"), &through);
        }
    }
}

fn show(fleet: &str, rule: &str, figures: &Report) {
    println!("{fleet}: {rule}\n{figures}");
}

/// A unit of the whole engine as a rule: its confirmed temperature alarms are the raises.
#[derive(Debug)]
struct Engine<'a> {
    replay: Replay<'a>,
}

impl<'a> Engine<'a> {
    fn new(unit: &'a Unit, rule_pack: RulePack, cadence: Span) -> Self {
        let rules = EffectiveRules {
            temp_max: Some(LIMIT),
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
        }
    }
}

impl AlarmRule for Engine<'_> {
    fn observe(&mut self, at: Timestamp, air: Temperature) -> Option<Timestamp> {
        confirmed(&self.replay.push(Observation::temperature(at, air)))
    }

    fn tick(&mut self, now: Timestamp) -> Option<Timestamp> {
        confirmed(&self.replay.pass_until(now))
    }
}

fn confirmed(transitions: &[Transition]) -> Option<Timestamp> {
    let raised = |kind| matches!(kind, AlertEventKind::Raised | AlertEventKind::Confirmed);
    let found = transitions.iter().find(|told| {
        told.alert_type == AlertType::TempExcursion
            && told.severity == Severity::Critical
            && raised(told.kind)
    });
    found.map(|told| told.at)
}

fn freezer() -> Unit {
    let start = minute(0);
    Unit {
        id: UnitId::from_uuid(uuid::Uuid::from_u128(3)),
        site_id: SiteId::from_uuid(uuid::Uuid::from_u128(1)),
        area_id: AreaId::from_uuid(uuid::Uuid::from_u128(2)),
        name: "Freezer".to_owned(),
        unit_type: UnitType::Freezer,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: start,
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: start,
        updated_at: start,
        version: 1,
        archived: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Confirmed minutes of a freezer that is read every quarter of an hour.
    fn raises(pack: RulePack, air: &[i32]) -> Vec<i64> {
        let unit = freezer();
        let mut engine = Engine::new(&unit, pack, Span::from_minutes(15));
        let mut found = Vec::new();
        for (index, milli) in (0..).zip(air) {
            let at = minute(15 * index);
            found.extend(engine.observe(at, Temperature::from_milli_celsius(*milli)));
        }
        found.extend(engine.tick(minute(600)));
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
