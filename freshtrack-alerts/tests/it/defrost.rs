//! The defrost-aware rule pack through the engine: the table of raise minutes, the bound, and what is shown.

use crate::fixture::{F1, TEMP, at, celsius, key};
use freshtrack_alerts::alert::{AlertEventKind, AlertKey, AlertType, Severity};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::replay::Replay;
use freshtrack_alerts::rules::RulePack;
use freshtrack_alerts::step::{Facts, Observation, UnitEvent};
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::reading::DoorState;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureDelta};
use freshtrack_core::time::{Span, Timestamp};

const COOLING: AlertKey = key(AlertType::SuspectedCoolingFailure);

type Samples<'a> = &'a [(i64, &'a str)];

const LOST_BETWEEN_PEAKS: Samples<'_> = &[(0, "-17.5"), (30, "-17.5"), (45, "-20.0")];
const REAL_FAILURE: Samples<'_> = &[(0, "-17.5"), (30, "-16.0"), (45, "-14.5")];
const SLOW_WARM_UP: Samples<'_> = &[(0, "-17.5"), (15, "-17.0")];
const ONE_WARM: Samples<'_> = &[(0, "-17.5")];
const CLEAN: Samples<'_> = &[
    (0, "-15"),
    (15, "-6"),
    (30, "-2"),
    (45, "-9"),
    (60, "-15"),
    (75, "-18.5"),
];
const NO_RETURN: Samples<'_> = &[
    (0, "-15"),
    (15, "-6"),
    (30, "-2"),
    (45, "-2.5"),
    (60, "-2.6"),
    (75, "-2.7"),
];
const FAST_FAILURE: Samples<'_> = &[(0, "-15"), (15, "-10"), (30, "-5"), (45, "-1")];
const CEILING: Samples<'_> = &[(0, "-10"), (15, "2"), (30, "10")];
const SILENT_GRACE: Samples<'_> = &[(0, "-15"), (15, "-6"), (30, "-8.5")];
const TOO_SLOW: Samples<'_> = &[
    (0, "-15"),
    (15, "-6"),
    (30, "-8.5"),
    (45, "-11"),
    (60, "-13"),
    (75, "-15"),
    (90, "-17"),
];

fn rules(cadence: u32) -> EffectiveRules {
    EffectiveRules {
        temp_max: Some(Limit::celsius(-18_000)),
        check_in_interval_seconds: cadence * 60,
        ..EffectiveRules::built_in(UnitType::Freezer)
    }
}

/// A freezer read every quarter of an hour, with a calm hour behind it.
fn freezer(change: impl FnOnce(&mut EffectiveRules)) -> F1 {
    let mut f = F1::unseen();
    f.unit.unit_type = UnitType::Freezer;
    f.rules = rules(15);
    change(&mut f.rules);
    for minute in ["-60:00", "-45:00", "-30:00", "-15:00"] {
        f.read(minute, "-20.0");
    }
    f.events.clear();
    f
}

fn feed(f: &mut F1, samples: Samples<'_>) {
    for (minute, value) in samples {
        f.restart();
        f.read(&format!("{minute}:00"), value);
    }
}

/// The minute at which the excursion of `samples` is confirmed, by the record and by what was told.
fn confirmed(change: impl FnOnce(&mut EffectiveRules), samples: Samples<'_>) -> Option<i64> {
    let mut f = freezer(change);
    feed(&mut f, samples);
    f.wait("600:00");
    let all = f.all(TEMP);
    assert_eq!(all.len(), 1, "it is an excursion from the first reading on");
    assert_eq!(all[0].condition_since, at("0:00"));
    let minute = all[0]
        .confirmed_at
        .map(|instant| (instant - at("0:00")).as_seconds() / 60);
    let critical = all[0].severity == Severity::Critical;
    assert_eq!(critical, minute.is_some());
    minute
}

#[test]
fn the_table_of_raise_minutes_holds_through_the_engine() {
    let cases: [(&str, Samples<'_>, Option<i64>); 10] = [
        ("lost sample between two peaks", LOST_BETWEEN_PEAKS, None),
        ("same loss, real failure", REAL_FAILURE, Some(45)),
        ("slow warm-up", SLOW_WARM_UP, Some(15)),
        ("silence after one warm sample", ONE_WARM, Some(50)),
        ("clean defrost", CLEAN, None),
        ("defrost that does not come back", NO_RETURN, Some(75)),
        ("fast failure", FAST_FAILURE, Some(45)),
        ("ceiling", CEILING, Some(30)),
        ("silence during grace", SILENT_GRACE, Some(90)),
        ("too slow a recovery", TOO_SLOW, Some(90)),
    ];
    for (name, samples, expected) in cases {
        assert_eq!(confirmed(|_| (), samples), expected, "{name}");
        let basic = confirmed(|rules| rules.rule_pack = RulePack::Basic, samples);
        assert_eq!(
            basic,
            Some(10),
            "{name}, basic: the table tells packs apart"
        );
    }
}

#[test]
fn every_field_of_the_pack_is_honoured() {
    type Change = fn(&mut EffectiveRules);
    let cases: [(&str, Change, Samples<'_>, i64); 8] = [
        (
            "on-delay",
            |r| r.defrost_on_delay_seconds = 300,
            ONE_WARM,
            40,
        ),
        ("grace", |r| r.defrost_grace_seconds = 3_600, TOO_SLOW, 60),
        (
            "ceiling",
            |r| r.defrost_ceiling = Temperature::from_milli_celsius(-2_000),
            CLEAN,
            30,
        ),
        (
            "rise",
            |r| r.defrost_rise_milli_per_minute = 1_000,
            CLEAN,
            15,
        ),
        (
            "rise_max",
            |r| r.defrost_rise_max_seconds = 3_600,
            FAST_FAILURE,
            90,
        ),
        (
            "time to recover",
            |r| r.defrost_recovery_seconds = 5_400,
            NO_RETURN,
            90,
        ),
        (
            "recovery",
            |r| r.defrost_recovery = TemperatureDelta::from_milli_celsius(500),
            NO_RETURN,
            90,
        ),
        ("budget", |r| r.defrost_grace_budget = 0, CLEAN, 15),
    ];
    for (name, change, samples, minute) in cases {
        assert_eq!(confirmed(change, samples), Some(minute), "{name}");
    }
}

#[test]
fn a_grace_is_shown_until_it_ends() {
    let mut f = freezer(|_| ());
    feed(&mut f, &CLEAN[..1]);
    let shown = |f: &F1| {
        let changes = f.events.iter().filter_map(|event| match event {
            UnitEvent::StateChanged {
                temperature,
                reason,
                grace_until,
                ..
            } => Some((*temperature, *reason, *grace_until)),
            UnitEvent::DoorChanged { .. } | UnitEvent::AlertHeldBack { .. } => None,
        });
        changes.collect::<Vec<_>>()
    };
    let until = Some(at("90:00"));
    assert!(
        shown(&f).contains(&("excursion", "defrost_grace", until)),
        "{:?}",
        f.events
    );
    assert_eq!(f.severity(TEMP), Some(Severity::Warning));
    f.events.clear();
    f.door("5:00", DoorState::Open);
    assert_eq!(
        shown(&f),
        [("excursion", "reading", None)],
        "an open door ends it"
    );
    feed(&mut f, &[(15, "-6"), (30, "-2")]);
    f.expect_alarm("0:00", "30:00");
}

#[test]
fn an_open_door_holds_back_but_the_ceiling_raises_at_once() {
    let mut f = freezer(|_| ());
    f.door("-1:00", DoorState::Open);
    f.read("0:00", "-10").expect_axis("normal");
    f.read("10:00", "10").expect_alarm("10:00", "10:00");
    assert_eq!(f.only(TEMP).first_out_at, Some(at("0:00")));
}

#[test]
fn l_23_hovering_inside_the_limit_postpones_no_alarm_beyond_the_grace() {
    let mut f = freezer(|_| ());
    for minute in (0..90).step_by(15) {
        let value = if minute % 30 == 0 { "-17.9" } else { "-18.2" };
        f.read(&format!("{minute}:00"), value);
        f.expect_excursion("0:00");
    }
    f.wait("90:00").expect_alarm("0:00", "90:00");
    let mut f = freezer(|_| ());
    for minute in (0..300).step_by(15) {
        let value = if minute % 30 == 0 { "-17.9" } else { "-19.2" };
        f.read(&format!("{minute}:00"), value);
    }
    f.expect_axis("restoring");
    assert_eq!(f.severity(TEMP), Some(Severity::Warning), "it comes back");
}

#[test]
fn below_the_lower_limit_the_fixed_delays_hold() {
    let mut f = freezer(|_| ());
    f.read("0:00", "-30").expect_excursion("0:00");
    f.wait("10:00").expect_alarm("0:00", "10:00");
}

#[test]
fn a_change_of_pack_or_limit_is_followed_at_once() {
    let mut f = freezer(|_| ());
    f.read("0:00", "-15").expect_excursion("0:00");
    f.rules("5:00", |rules| rules.rule_pack = RulePack::Basic);
    f.wait("10:00").expect_alarm("0:00", "10:00");

    let mut f = freezer(|_| ());
    f.rules("-10:00", |rules| {
        rules.temp_max = Some(Limit::celsius(-21_000));
    });
    f.expect_excursion("-10:00");
    f.wait("39:00").expect_excursion("-10:00");
    f.wait("40:00").expect_alarm("-10:00", "40:00");

    let mut f = freezer(|_| ());
    f.read("0:00", "-15");
    f.rules("5:00", |rules| {
        rules.temp_max = Some(Limit::celsius(-10_000));
    });
    f.expect_axis("restoring");
    f.wait("300:00").expect_axis("restoring");
    assert_eq!(f.severity(TEMP), Some(Severity::Warning));
}

#[test]
fn an_alarm_that_ended_leaves_room_for_the_next() {
    let mut f = freezer(|_| ());
    feed(&mut f, SLOW_WARM_UP);
    f.expect_alarm("0:00", "15:00");
    f.read("30:00", "-19").read("45:00", "-19");
    f.expect_axis("normal");
    f.read("60:00", "-17.5").read("75:00", "-17.0");
    f.expect_alarm("60:00", "75:00");
}

#[test]
fn a_gap_that_may_have_been_a_power_loss_denies_a_grace() {
    // it ended in a warm unit
    let mut f = freezer(|_| ());
    f.read("30:00", "-18.2").read("45:00", "-15");
    f.wait("59:59").expect_excursion("45:00");
    f.read("60:00", "-6").expect_alarm("45:00", "60:00");
    // it was long
    let mut f = freezer(|_| ());
    f.read("105:00", "-20.0").read("120:00", "-15");
    f.read("135:00", "-6").expect_alarm("120:00", "135:00");
}

/// A radio loses two readings in a row twice a week.
#[test]
fn two_readings_lost_while_the_unit_is_cold_take_no_grace() {
    let mut f = freezer(|_| ());
    f.read("30:00", "-20.0").read("45:00", "-15");
    f.read("60:00", "-6").expect_excursion("45:00");
    f.read("75:00", "-12")
        .read("90:00", "-19")
        .read("105:00", "-20");
    f.expect_axis("normal");
}

#[test]
fn no_cooling_failure_is_suspected_while_a_defrost_is() {
    let mut rising = freezer(|rules| {
        rules.check_in_interval_seconds = 300;
        rules.defrost_rise_max_seconds = 5_400;
    });
    rising.read("-10:00", "-20").read("-5:00", "-20");
    for (n, value) in (0..=12).zip([-17, -14, -11, -9, -8, -6, -5, -5, -5, -5, -4, -4, -4]) {
        rising.read(&format!("{}:00", n * 5), &value.to_string());
        assert_eq!(rising.all(COOLING).len(), 0, "minute {}", n * 5);
    }
    rising.expect_excursion("0:00");
    // half an hour at its peak ends the grace, and then it is one
    for n in 13..=17 {
        rising.read(&format!("{}:00", n * 5), "-4");
    }
    rising.expect_alarm("0:00", "80:00");
    assert_eq!(rising.all(COOLING).len(), 1);
}

#[test]
fn a_cooling_failure_that_ends_with_its_excursion_calls_nobody() {
    let mut f = freezer(|rules| {
        rules.rule_pack = RulePack::Basic;
        rules.check_in_interval_seconds = 300;
    });
    for n in 0..=10 {
        f.read(&format!("{}:00", n * 5), "-15");
    }
    assert_eq!(f.severity(COOLING), Some(Severity::Warning));
    f.read("55:00", "-20").read("60:00", "-20");
    f.expect_axis("normal");
    let told = f.history(COOLING);
    assert_eq!(told.last(), Some(&AlertEventKind::ResolvedAuto));
    assert!(!told.contains(&AlertEventKind::Escalated), "{told:?}");
}

/// Transitions of a freezer that is read as told.
fn replayed(cadence: u32, series: &[(Timestamp, Temperature)]) -> Vec<AlertEventKind> {
    let unit = Unit {
        unit_type: UnitType::Freezer,
        monitoring_started_at: series[0].0,
        ..crate::fixture::unit()
    };
    let facts = Facts {
        unit: &unit,
        site_name: "Main Street",
        site_timezone: "UTC",
        corrective_action_required: false,
        devices: &[],
    };
    // the recorded freezer runs colder than the built-in lower limit; that is not what is asked here
    let rules = EffectiveRules {
        temp_min: None,
        ..rules(cadence)
    };
    let mut replay = Replay::new(facts, rules);
    let told = series
        .iter()
        .flat_map(|(at, value)| replay.push(Observation::temperature(*at, *value)));
    told.filter(|told| told.alert_type == AlertType::TempExcursion)
        .map(|told| told.kind)
        .collect()
}

#[test]
fn a_recorded_day_with_defrosts_confirms_nothing_at_any_phase() {
    #[expect(
        clippy::disallowed_methods,
        reason = "where recorded series lie is told by the caller"
    )]
    let Ok(folder) = std::env::var("FRESHTRACK_VECTORS") else {
        println!("SKIP: FRESHTRACK_VECTORS is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("data/ruuvi-freezer.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let mut series: Vec<(Timestamp, Temperature)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let (instant, minutes) = fields.next().unwrap().split_at(22);
        let value = celsius(fields.next().unwrap());
        series.push((format!("{instant}:{minutes}").parse().unwrap(), value));
    }
    series.sort();
    let (start, end) = (series[0].0, series[series.len() - 1].0);
    for cadence in [1, 5, 10, 15] {
        for phase in 0..cadence {
            // a minute each of three days: longer than the recording
            let sampled: Vec<_> = (0..4_320)
                .map(|i| start + Span::from_minutes(i64::from(phase + i * cadence)))
                .take_while(|at| *at <= end)
                .map(|at| {
                    let newest = series[..series.partition_point(|(t, _)| *t <= at)].last();
                    (at, newest.unwrap().1)
                })
                .collect();
            let told = replayed(cadence, &sampled);
            assert!(
                !told.contains(&AlertEventKind::Confirmed),
                "{cadence} min, phase {phase}: {told:?}"
            );
        }
    }
}
