//! Laws that hold for every life of a unit, each also held against an engine that is broken on purpose:
//! a law that no bug can break proves nothing.

use crate::fixture::{DOOR, F1, StepFn, TEMP, at};
use crate::script::{Event, Player, Script, Ticks, anything, sensed};
use freshtrack_alerts::alert::{AlertKey, AlertStatus, AlertType, Severity};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::monitor::connectivity::ConnectivityAxis;
use freshtrack_alerts::monitor::defrost::Defrost;
use freshtrack_alerts::monitor::door::DoorAxis;
use freshtrack_alerts::monitor::temperature::TemperatureAxis;
use freshtrack_alerts::rules::RulePack;
use freshtrack_alerts::step::{Facts, Input, Observation, Step, step};
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

type Law = fn(StepFn, &Script) -> TestCaseResult;

/// Holds a law against an engine over many lives, the same in every run.
fn hold(law: Law, engine: StepFn, lives: impl Strategy<Value = Script>) -> Result<(), String> {
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let held = runner.run(&lives, |life| law(engine, &life));
    held.map_err(|failure| failure.to_string())
}

fn axes(
    f: &F1,
) -> (
    TemperatureAxis,
    ConnectivityAxis,
    DoorAxis,
    Option<Timestamp>,
) {
    let m = &f.monitor;
    (m.temperature, m.connectivity, m.door, m.manual_due_since)
}

/// L-4: ticks decide when something is known, never what is true.
fn ticks_change_nothing(engine: StepFn, life: &Script) -> TestCaseResult {
    let due = Player::play(engine, Ticks::Due, life);
    for ticks in [Ticks::Dropped, Ticks::Excessive] {
        let other = Player::play(engine, ticks, life);
        prop_assert_eq!(axes(&due), axes(&other), "{:?}", ticks);
        prop_assert_eq!(due.monitor.cooling_failure, other.monitor.cooling_failure);
        prop_assert_eq!(&due.monitor.defrost, &other.monitor.defrost);
        prop_assert_eq!(&due.monitor.devices, &other.monitor.devices);
        let calls = |f: &F1| {
            let mut alerts = f.monitor.alerts.iter();
            alerts.any(|alert| alert.next_escalation_at.is_some())
        };
        if !calls(&due) && !calls(&other) {
            // calls count from when an alert was raised, which is when it was known
            prop_assert_eq!(due.deadline, other.deadline);
        }
        let open = |f: &F1| {
            let alerts = f.monitor.alerts.iter();
            let mut open: Vec<_> = alerts
                .map(|a| (a.key, a.severity, a.condition_since, a.confirmed_at))
                .collect();
            open.sort_unstable();
            open
        };
        prop_assert_eq!(open(&due), open(&other));
    }
    Ok(())
}

/// L-2, L-5: the document is the whole state, and the same inputs give the same result.
fn a_restart_changes_nothing(engine: StepFn, life: &Script) -> TestCaseResult {
    let once = Player::play(engine, Ticks::Due, life);
    let mut restarted = Player::new(engine, Ticks::Due);
    for (pause, event) in life {
        restarted.f.restart();
        restarted.happen(*pause, event);
    }
    let now = restarted.now;
    restarted.f.step_at(now, Input::Tick);
    prop_assert_eq!(&once.monitor, &restarted.f.monitor);
    prop_assert_eq!(&once.rows, &restarted.f.rows);
    prop_assert_eq!(once.deadline, restarted.f.deadline);
    Ok(())
}

/// L-1, L-7, L-8, L-9, L-23: since never moves while an episode lasts, an out-of-range newest reading is
/// never shown as fine, and no excursion waits longer than 20 minutes (a minute after its arrival).
fn out_of_range_is_confirmed_in_time(engine: StepFn, life: &Script) -> TestCaseResult {
    let mut player = Player::new(engine, Ticks::Due);
    let mut before: Option<TemperatureAxis> = None;
    for (pause, event) in life {
        player.happen(*pause, event);
        let (axis, now) = (player.f.monitor.temperature, player.now);
        if let (Some(was), Some(is)) = (before.and_then(|b| b.episode().copied()), axis.episode()) {
            // a backlog may end one episode and begin another, which is younger then
            if is.opened_at == was.opened_at {
                prop_assert_eq!(was.since, is.since, "since moved");
            }
        }
        let newest = player.f.monitor.newest.expect("F1 has a reading");
        if player.f.rules.zone(newest.temperature) == Zone::Out {
            let shown = matches!(
                axis,
                TemperatureAxis::Excursion { .. } | TemperatureAxis::Alarm { .. }
            );
            let held = matches!(axis, TemperatureAxis::Held(held) if now < held.until);
            prop_assert!(shown || held, "out of range and {axis:?}");
        }
        if let TemperatureAxis::Excursion { episode, .. } = axis {
            // with the defrost-aware pack: the bound of its grace, since it was last in range
            let pack = defrost_aware(player.f.rules).defrost_params();
            let defrost = player.f.monitor.defrost.as_ref();
            let graced = defrost
                .and_then(|defrost| defrost.out_since())
                .zip(pack.as_ref().map(Defrost::bound))
                .map(|(since, bound)| since + bound);
            let latest = (episode.since + Span::from_seconds(1_200))
                .max(graced.unwrap_or(episode.since))
                .max(episode.opened_at + Span::from_seconds(60));
            prop_assert!(now < latest, "unconfirmed at {now}: {axis:?}");
        }
        before = Some(axis);
    }
    Ok(())
}

/// L-10, L-44: from then on nothing arrives; a temperature alert stays what it is or gets worse.
fn losing_data_resolves_nothing(engine: StepFn, life: &Script) -> TestCaseResult {
    let mut player = Player::new(engine, Ticks::Due);
    for (pause, event) in life {
        player.happen(*pause, event);
    }
    let (axis, open) = (player.f.monitor.temperature, player.f.open(TEMP).cloned());
    let later = player.now + Span::from_minutes(60 * 48);
    player.f.until(later);
    player.f.step_at(later, Input::Tick);
    if let Some(open) = open {
        let now = player.f.open(TEMP);
        prop_assert!(now.is_some(), "resolved by silence");
        let now = now.expect("just seen");
        prop_assert_eq!(now.id, open.id);
        prop_assert!(now.severity >= open.severity);
    }
    let after = player.f.monitor.temperature;
    prop_assert_eq!(
        after.episode().map(|episode| episode.since),
        axis.episode().map(|episode| episode.since).or_else(|| {
            // a hold that ends in silence opens its excursion
            after.episode().map(|episode| episode.since)
        })
    );
    if axis.confirmed_at().is_some() {
        prop_assert_eq!(after, axis);
    }
    Ok(())
}

/// L-32: whatever holds has an alert, unless it is suppressed or waits to be raised again.
fn what_holds_is_raised(engine: StepFn, life: &Script) -> TestCaseResult {
    let mut player = Player::new(engine, Ticks::Due);
    for (pause, event) in life {
        player.happen(*pause, event);
        for key in conditions(&player.f.monitor) {
            let m = &player.f.monitor;
            let waits = m.reraises.iter().any(|reraise| reraise.key == key);
            prop_assert!(m.open_alert(key).is_some() || waits, "{key:?} holds unseen");
        }
        let later = player.f.monitor.evaluated_at;
        prop_assert!(player.f.deadline.is_none_or(|deadline| deadline > later));
    }
    Ok(())
}

fn conditions(m: &Monitor) -> Vec<AlertKey> {
    let mut keys = Vec::new();
    let mut add = |holds: bool, alert_type, device| {
        if holds {
            keys.push(AlertKey { alert_type, device });
        }
    };
    add(
        m.temperature.episode().is_some(),
        AlertType::TempExcursion,
        None,
    );
    add(
        m.cooling_failure.is_some(),
        AlertType::SuspectedCoolingFailure,
        None,
    );
    add(
        m.manual_due_since.is_some(),
        AlertType::MissedManualEntry,
        None,
    );
    let interrupted = matches!(
        m.connectivity,
        ConnectivityAxis::Late { .. } | ConnectivityAxis::Silent { .. }
    );
    add(interrupted, AlertType::MonitoringInterrupted, None);
    let door = matches!(m.door, DoorAxis::Open { alert: Some(_), .. });
    add(door, AlertType::DoorOpen, None);
    for health in &m.devices {
        add(
            health.battery_low.is_some(),
            AlertType::LowBattery,
            health.device,
        );
        add(
            health.fault.is_some(),
            AlertType::SensorFault,
            health.device,
        );
    }
    keys
}

/// L-6, L-13 of alerts: two in-band readings always end an episode, one by one, whatever came before.
fn two_good_readings_end_it(engine: StepFn, life: &Script) -> TestCaseResult {
    let mut player = Player::new(engine, Ticks::Due);
    for (pause, event) in life {
        player.happen(*pause, event);
    }
    for _ in 0..2 {
        player.happen(60, &Event::Readings(vec![(0, 2_000)]));
    }
    prop_assert!(matches!(
        player.f.monitor.temperature,
        TemperatureAxis::Normal
    ));
    prop_assert!(player.f.open(TEMP).is_none());
    Ok(())
}

/// L-11, L-15, L-37: batteries, faults, logs and what people do with alerts leave temperature alone.
fn temperature_has_its_own_life(engine: StepFn, life: &Script) -> TestCaseResult {
    let all = Player::play(engine, Ticks::Due, life);
    let mut alone = Player::new(engine, Ticks::Due);
    let mut pause = 0;
    for (span, event) in life {
        pause += span;
        match event {
            Event::Readings(_) | Event::Door(_) | Event::Limit(_) => {
                alone.happen(pause, event);
                pause = 0;
            }
            Event::Battery(_)
            | Event::Fault
            | Event::ManualLog
            | Event::Acknowledge
            | Event::Resolve => {}
        }
    }
    alone.happen(pause, &Event::Readings(Vec::new()));
    prop_assert_eq!(all.monitor.temperature, alone.f.monitor.temperature);
    Ok(())
}

/// L-34…L-38: rows only ever move forward; the fixture's store checks versions and open keys.
fn rows_move_forward(engine: StepFn, life: &Script) -> TestCaseResult {
    let mut player = Player::new(engine, Ticks::Due);
    for (pause, event) in life {
        let before = player.f.rows.clone();
        player.happen(*pause, event);
        for (id, was) in &before {
            let is = &player.f.rows[id];
            prop_assert!(is.severity >= was.severity);
            prop_assert_eq!(is.condition_since, was.condition_since);
            if was.status == AlertStatus::Resolved {
                prop_assert_eq!(is, was);
            }
            if is.status == AlertStatus::Resolved && was.status == AlertStatus::Acknowledged {
                let lapsed = is.severity > was.severity;
                prop_assert!(lapsed || is.acknowledged == was.acknowledged);
            }
        }
    }
    Ok(())
}

const fn defrost_aware(rules: EffectiveRules) -> EffectiveRules {
    EffectiveRules {
        rule_pack: RulePack::DefrostAware,
        defrost_ceiling: Temperature::from_milli_celsius(8_500),
        ..rules
    }
}

/// The engine with the other rule pack.
fn defrost_step(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    step(m, &defrost_aware(*rules), facts, input, now)
}

macro_rules! laws {
    ($($name:ident: $law:ident over $lives:ident;)+) => {$(
        #[test]
        fn $name() {
            hold($law, step, $lives()).expect("the law holds");
        }
    )+

        mod defrost_aware_pack {$(
            #[test]
            fn $name() {
                let held = super::hold(super::$law, super::defrost_step, super::$lives());
                held.expect("the law holds");
            }
        )+}
    };
}

laws! {
    l_04_ticks_change_neither_state_nor_condition_times: ticks_change_nothing over sensed;
    l_02_l_05_restart_and_replay_change_nothing: a_restart_changes_nothing over anything;
    l_01_l_07_l_08_l_23_out_of_range_is_confirmed_in_time: out_of_range_is_confirmed_in_time over anything;
    l_10_losing_data_resolves_nothing: losing_data_resolves_nothing over anything;
    l_32_what_holds_is_raised: what_holds_is_raised over anything;
    l_06_two_good_readings_end_it: two_good_readings_end_it over anything;
    l_11_l_37_temperature_has_its_own_life: temperature_has_its_own_life over anything;
    l_34_l_36_l_38_rows_move_forward: rows_move_forward over anything;
}

#[test]
fn l_22_margin_readings_open_confirm_close_and_revert_nothing() {
    for start in ["3.5", "7.2"] {
        let mut f = F1::new();
        f.read("0:00", start);
        let before = f.monitor.temperature;
        for minute in 1..9 {
            f.read(
                &format!("{minute}:00"),
                if minute % 2 == 0 { "4.51" } else { "4.999" },
            );
            assert_eq!(f.monitor.temperature, before, "after {start}");
        }
    }
}

/// The timer is reset by every reading, as a row's `updated_at` would be.
fn timer_reset_by_any_write(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let is_reading = matches!(input, Input::Readings(_));
    let decided = step(m, rules, facts, input, now);
    if let (
        true,
        TemperatureAxis::Excursion {
            episode,
            confirm_at,
        },
    ) = (is_reading, &mut m.temperature)
    {
        let moved = now - episode.since;
        episode.since = now;
        *confirm_at = *confirm_at + moved;
    }
    decided
}

/// Restoring is entered and never left.
fn restoring_without_exit(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let before = m.temperature;
    let decided = step(m, rules, facts, input, now);
    if matches!(before, TemperatureAxis::Restoring { .. }) {
        m.temperature = before;
    }
    decided
}

/// Alerts are raised on the change of a state, not on the state.
fn edge_only_creation(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let before = m.clone();
    let mut decided = step(m, rules, facts, input, now);
    let same_axis = before.temperature.name() == m.temperature.name();
    if same_axis && before.open_alert(TEMP).is_none() {
        m.alerts.retain(|alert| alert.key != TEMP);
        m.reraises.retain(|reraise| reraise.key != TEMP);
        decided.alerts.retain(|alert| alert.key != TEMP);
        decided.alert_changes.retain(|told| told.alert.key != TEMP);
    }
    decided
}

/// A unit that is silent counts as normal again.
fn no_data_resolves(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let is_tick = matches!(input, Input::Tick);
    if is_tick && matches!(m.connectivity, ConnectivityAxis::Silent { .. }) {
        m.temperature = TemperatureAxis::Normal;
    }
    step(m, rules, facts, input, now)
}

/// Conditions take effect when a tick happens to run.
fn tick_time_counts(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let before = m.temperature.confirmed_at();
    let decided = step(m, rules, facts, input, now);
    if let (None, TemperatureAxis::Alarm { confirmed_at, .. }) = (before, &mut m.temperature) {
        *confirmed_at = now;
    }
    decided
}

/// The confirmation delay lives in memory and is lost with it.
fn delay_not_stored(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    if let (TemperatureAxis::Excursion { .. }, Input::Tick) = (&m.temperature, &input) {
        let open_door = matches!(m.door.state(), DoorState::Open);
        return step(
            m,
            rules,
            facts,
            Input::Tick,
            if open_door { now } else { m.evaluated_at },
        );
    }
    step(m, rules, facts, input, now)
}

/// A closed battery alert quiets the unit.
fn closing_touches_the_axis(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let closes = matches!(input, Input::Resolve { .. });
    let decided = step(m, rules, facts, input, now);
    if closes && m.alerts.is_empty() {
        m.temperature = TemperatureAxis::Normal;
    }
    decided
}

macro_rules! saboteurs {
    ($($name:ident breaks $law:ident over $lives:ident;)+) => {
        mod saboteurs {$(
            #[test]
            fn $name() {
                let broken = std::panic::catch_unwind(|| {
                    super::hold(super::$law, super::$name, super::$lives())
                });
                assert!(
                    !matches!(broken, Ok(Ok(()))),
                    "the law did not notice an engine that is broken on purpose"
                );
            }
        )+}
    };
}

/// An open excursion of the defrost-aware pack is never confirmed by its timer.
fn grace_without_end(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let decided = defrost_step(m, rules, facts, input, now);
    if let TemperatureAxis::Excursion { confirm_at, .. } = &mut m.temperature {
        *confirm_at = Timestamp::MAX;
    }
    decided
}

/// The tracker is moved by ticks that no deadline asked for.
fn tracker_forgets_at_ticks(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    if matches!(input, Input::Tick) {
        m.defrost = None;
    }
    defrost_step(m, rules, facts, input, now)
}

saboteurs! {
    grace_without_end breaks out_of_range_is_confirmed_in_time over anything;
    tracker_forgets_at_ticks breaks ticks_change_nothing over sensed;
    timer_reset_by_any_write breaks out_of_range_is_confirmed_in_time over anything;
    restoring_without_exit breaks two_good_readings_end_it over anything;
    edge_only_creation breaks what_holds_is_raised over anything;
    no_data_resolves breaks losing_data_resolves_nothing over anything;
    tick_time_counts breaks ticks_change_nothing over sensed;
    delay_not_stored breaks out_of_range_is_confirmed_in_time over sensed;
    closing_touches_the_axis breaks temperature_has_its_own_life over anything;
}

#[test]
fn l_09_a_reverted_alarm_is_critical_throughout() {
    let mut f = F1::in_alarm();
    for minute in [15, 20, 25, 30] {
        f.read(
            &format!("{minute}:00"),
            if minute % 2 == 0 { "7.2" } else { "4.0" },
        );
        assert_eq!(f.severity(TEMP), Some(Severity::Critical));
    }
    assert_eq!(f.all(TEMP).len(), 1);
}

/// L-4 for door thresholds: a warning takes effect at its instant, whenever somebody looks.
fn door_thresholds_are_instants(engine: StepFn) -> bool {
    let schedules: [&[&str]; 4] = [
        &[],
        &["2:59.999999", "3:00", "9:59.999999", "10:00"],
        &["3:07", "10:11"],
        &["1:00", "3:00", "3:00", "3:01", "10:00", "10:00"],
    ];
    let mut ends = Vec::new();
    for schedule in schedules {
        let mut f = F1::new();
        f.engine = engine;
        let mut open = [Observation::door(at("0:00"), DoorState::Open)];
        f.step_at(at("0:00"), Input::Readings(&mut open));
        for time in schedule {
            f.step_at(at(time), Input::Tick);
            let severity = f.severity(DOOR);
            let wanted = match at(time) {
                now if now >= at("10:00") => Some(Severity::Critical),
                now if now >= at("3:00") => Some(Severity::Warning),
                _ => None,
            };
            if severity != wanted {
                return false;
            }
        }
        f.step_at(at("12:00"), Input::Tick);
        let alert = f.only(DOOR).clone();
        ends.push((alert.condition_since, alert.severity, f.monitor.door));
    }
    ends.windows(2).all(|pair| pair[0] == pair[1]) && ends[0].0 == at("0:00")
}

/// A threshold is passed only some time after it was reached.
fn doors_warn_late(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let late = EffectiveRules {
        door_warning_seconds: rules.door_warning_seconds + 1,
        ..*rules
    };
    step(m, &late, facts, input, now)
}

#[test]
fn l_04_door_thresholds_take_effect_at_their_instants() {
    assert!(door_thresholds_are_instants(step));
    let broken = std::panic::catch_unwind(|| door_thresholds_are_instants(doors_warn_late));
    assert!(
        !matches!(broken, Ok(true)),
        "the law did not notice a broken engine"
    );
}

/// Under the calendar of a zone whose clocks change nearby.
fn in_auckland(
    m: &mut Monitor,
    rules: &EffectiveRules,
    facts: &Facts<'_>,
    input: Input<'_>,
    now: Timestamp,
) -> Step {
    let facts = Facts {
        site_timezone: "Pacific/Auckland",
        ..*facts
    };
    step(m, rules, &facts, input, now)
}

#[test]
fn l_27_i_11_calendars_change_texts_and_nothing_else() {
    let mut runner = TestRunner::new(Config {
        cases: 64,
        ..Config::default()
    });
    let held = runner.run(&anything(), |life| {
        let here = Player::play(step, Ticks::Due, &life);
        let there = Player::play(in_auckland, Ticks::Due, &life);
        prop_assert_eq!(here.monitor.temperature, there.monitor.temperature);
        prop_assert_eq!(here.monitor.connectivity, there.monitor.connectivity);
        prop_assert_eq!(here.deadline, there.deadline);
        let kinds = |f: &F1| f.told.iter().map(|told| told.kind).collect::<Vec<_>>();
        prop_assert_eq!(kinds(&here), kinds(&there));
        Ok(())
    });
    held.expect("no zone raises or clears anything");
}
