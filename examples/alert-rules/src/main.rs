//! A tour of alert rules: where a limit comes from, what hysteresis, door and quiet do, and what a rule
//! would have said about yesterday. No server, no database, no clock.

use anyhow::Result;
use freshtrack_alerts::cascade::{self, EffectiveRules};
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use freshtrack_alerts::step::{Facts, Input, Observation, step};
use freshtrack_alerts::suppression::{SuppressionKind, Window};
use freshtrack_alerts::what_if::{Injection, Question, what_if};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, SuppressionId, UnitId};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

fn main() -> Result<()> {
    let noon: Timestamp = "2026-03-02T12:00:00-05:00".parse()?;
    let unit = unit(noon);
    let rules = limits_and_their_places(&unit);
    hysteresis(&rules);
    door_and_quiet(&unit, &rules, noon);
    yesterday(&unit, rules, noon)
}

fn unit(noon: Timestamp) -> Unit {
    Unit {
        id: UnitId::from_uuid(Uuid::from_u128(3)),
        site_id: SiteId::from_uuid(Uuid::from_u128(1)),
        area_id: AreaId::from_uuid(Uuid::from_u128(2)),
        name: "Fridge 1".to_owned(),
        unit_type: UnitType::Fridge,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: noon,
        status: UnitStatus::Ok,
        created_at: noon,
        version: 1,
    }
}

/// The organization says 7 °C; the unit says it confirms after five minutes. Each field comes from the
/// nearest place that says anything.
fn limits_and_their_places(unit: &Unit) -> EffectiveRules {
    let org = OrgId::from_uuid(Uuid::from_u128(9));
    let set = |scope, scope_id, fields| RuleSet {
        scope,
        scope_id,
        unit_type: None,
        fields,
        version: 1,
    };
    let of_org = RuleFields {
        temp_max: Some(LimitRule::At(Limit::celsius(7_000))),
        confirm_closed_seconds: Some(900),
        ..RuleFields::default()
    };
    let of_unit = RuleFields {
        confirm_closed_seconds: Some(300),
        ..RuleFields::default()
    };
    let sets = [
        set(RuleScope::Organization, org.as_uuid(), of_org),
        set(RuleScope::Unit, unit.id.as_uuid(), of_unit),
    ];
    let (rules, sources) = cascade::resolve(&sets, org, unit, &[]);
    say("1. Limits, and the places they come from");
    say(&format!(
        "   upper limit from: {:?}",
        sources.temp_max.level
    ));
    say(&format!(
        "   lower limit from: {:?}",
        sources.temp_min.level
    ));
    let from = sources.confirm_closed_seconds.level;
    say(&format!(
        "   confirmed after {} s, from: {from:?}",
        rules.confirm_closed_seconds
    ));
    rules
}

/// On the limit is in; back in range is only what is half a degree inside.
fn hysteresis(rules: &EffectiveRules) {
    say("2. Hysteresis");
    for milli in [7_001, 7_000, 6_501, 6_500] {
        let zone = rules.zone(Temperature::from_milli_celsius(milli));
        say(&format!("   {milli} m°C: {zone:?}"));
    }
}

/// An open door holds an excursion back; a window of quiet keeps its alert from being raised, and its
/// end raises it.
fn door_and_quiet(unit: &Unit, rules: &EffectiveRules, noon: Timestamp) {
    say("3. A door, and a window of quiet");
    let minute = |m| noon + Span::from_minutes(m);
    let facts = facts(unit);
    let mut monitor = Monitor::default();
    let mut tell = |m, what: &str, input: Input<'_>| {
        let decided = step(&mut monitor, rules, &facts, input, minute(m));
        let raised: Vec<_> = decided.alerts.iter().map(|alert| &alert.title).collect();
        say(&format!(
            "   minute {m:>2}, {what}: {} {raised:?}",
            decided.status
        ));
    };
    let warm = |m| Observation::temperature(minute(m), Temperature::from_milli_celsius(9_000));
    let window = Window {
        id: SuppressionId::from_uuid(Uuid::from_u128(7)),
        kind: SuppressionKind::Maintenance,
        alert_types: Vec::new(),
        starts_at: minute(0),
        ends_at: minute(30),
    };
    tell(
        0,
        "quiet until minute 30",
        Input::SuppressionsChanged(vec![window]),
    );
    let mut opens = [Observation::door(minute(1), DoorState::Open)];
    tell(1, "the door opens", Input::Readings(&mut opens));
    tell(2, "9 °C", Input::Readings(&mut [warm(2)]));
    tell(22, "the door's grace is over", Input::Tick);
    tell(30, "quiet is over", Input::Tick);
}

/// A day with a defrost at noon and a busy hour in the evening, under 7 °C and under 8 °C.
fn yesterday(unit: &Unit, rules: EffectiveRules, noon: Timestamp) -> Result<()> {
    say("4. What if the limit were 8 °C?");
    let milli = |m: i64| match m {
        700..740 => 7_600,
        1_100..1_130 => 8_900,
        _ => 3_500,
    };
    let history: Vec<Observation> = (0..=1_440 / 5)
        .map(|n| n * 5)
        .map(|m| {
            let at = noon + Span::from_minutes(m);
            Observation::temperature(at, Temperature::from_milli_celsius(milli(m)))
        })
        .collect();
    let proposed = EffectiveRules {
        temp_max: Some(Limit::celsius(8_000)),
        ..rules
    };
    let injection = Injection::default();
    let answer = what_if(&Question {
        facts: facts(unit),
        history: &history,
        current: rules,
        proposed,
        past: &[],
        resample: None,
        injection: &injection,
        seed: 1,
    })?;
    for (name, said) in [("7 °C", &answer.current), ("8 °C", &answer.proposed)] {
        let (count, rate) = (said.alarms.count, said.nuisance.per_month);
        let (low, high) = (rate.low, rate.high);
        say(&format!(
            "   {name}: {count} alarms; {low:.0} to {high:.0} false ones a month"
        ));
    }
    for found in &answer.detection {
        let minutes = found.p50.map(|p50| p50.as_seconds() / 60);
        let (tau, missed, trials) = (found.tau_hours, found.missed, found.trials);
        say(&format!(
            "   power loss, τ {tau} h: found after {minutes:?} min, {missed} of {trials} missed"
        ));
    }
    Ok(())
}

const fn facts(unit: &Unit) -> Facts<'_> {
    Facts {
        unit,
        site_name: "Main Street",
        site_timezone: "America/New_York",
        corrective_action_required: false,
        devices: &[],
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn say(line: &str) {
    println!("{line}");
}
