//! How fast the engine is on its own: a step, ingest over memory, a year replayed, a million deadlines.
//!
//! Figures and how to read them: `docs/benchmarks.md`.

use criterion::{BatchSize, Criterion, Throughput};
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::change::Target;
use freshtrack_alerts::engine::Engine;
use freshtrack_alerts::ingest::{Ingest, IngestConfig};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::monitor::Monitor;
use freshtrack_alerts::posted::{PostedReading, PostedTemperature};
use freshtrack_alerts::replay::Replay;
use freshtrack_alerts::step::{Facts, Input, Observation, step};
use freshtrack_alerts::testkit::sample::further_unit;
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::memory::{ManualClock, SequentialIds};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::testkit::sample::{Tenant, at};
use freshtrack_core::time::{Span, Timestamp};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const UNITS: usize = 50;
const READINGS: usize = 1_000;
const YEAR_MINUTES: i64 = 525_600;
const DEADLINES: i64 = 1_000_000;
/// Of them fall due at once.
const FIRING: i64 = DEADLINES / 10;

fn facts(unit: &Unit) -> Facts<'_> {
    Facts {
        unit,
        site_name: "Kitchen",
        site_timezone: "UTC",
        corrective_action_required: false,
        devices: &[],
    }
}

fn fridge() -> Unit {
    let (tenant, _) = Tenant::new("bench");
    tenant.new_unit("Fridge")
}

/// One reading after another that changes nothing.
fn one_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(1));
    for (name, unit_type, milli) in [
        ("fridge_in_range", UnitType::Fridge, 3_000),
        ("fridge_in_the_margin", UnitType::Fridge, 4_800),
        ("freezer_defrost_aware", UnitType::Freezer, -22_000),
    ] {
        let unit = Unit {
            unit_type,
            ..fridge()
        };
        let rules = EffectiveRules::built_in(unit_type);
        let (mut monitor, mut now) = (Monitor::default(), at(10));
        group.bench_function(name, |b| {
            b.iter(|| {
                now = now + Span::from_minutes(5);
                let value = Temperature::from_milli_celsius(milli);
                let mut seen = [Observation::temperature(now, value)];
                let input = Input::Readings(&mut seen);
                black_box(step(&mut monitor, &rules, &facts(&unit), input, now))
            });
        });
    }
    group.finish();
}

async fn house() -> (Engine, OrgId, Vec<UnitId>) {
    let store = MemoryStore::new();
    let tenant = Tenant::create(&store, "bench").await;
    let mut units = vec![tenant.unit];
    while units.len() < UNITS {
        units.push(further_unit(&store, &tenant, &format!("Unit {}", units.len())).await);
    }
    let engine = Engine {
        store: Arc::new(store),
        clock: Arc::new(ManualClock::new(at(100_000))),
        ids: Arc::new(SequentialIds::new(1)),
    };
    (engine, tenant.org, units)
}

fn posted(units: &[UnitId]) -> Vec<PostedReading> {
    let of = |n: usize| {
        let seconds = i64::try_from(n / units.len()).unwrap_or(0) * 300;
        PostedReading {
            temperature: Some(PostedTemperature::parse("3.5", TemperatureUnit::C)),
            ..PostedReading::new(Target::Unit(units[n % units.len()]), at(90_000 + seconds))
        }
    };
    (0..READINGS).map(of).collect()
}

/// A thousand readings of fifty units in one call, each time into a new store.
fn ingest(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime starts");
    let mut group = c.benchmark_group("ingest");
    group.throughput(Throughput::Elements(READINGS as u64));
    group.bench_function("memory_1000_readings_50_units", |b| {
        b.iter_batched(
            || runtime.block_on(house()),
            |(engine, org, units)| {
                runtime.block_on(async {
                    let (ingest, writer) = Ingest::new(engine, IngestConfig::default());
                    let readings = posted(&units).into_iter().map(Ok).collect();
                    let stored = async move { ingest.ingest(org, readings, None).await };
                    let (stored, ()) = tokio::join!(stored, writer.run(std::future::pending()));
                    stored.expect("the readings are stored")
                })
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A reading a minute for a year, four times a day too warm; a freezer defrosts then.
fn year(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(YEAR_MINUTES.unsigned_abs()));
    for (name, unit_type, good, warm) in [
        ("one_year_fridge", UnitType::Fridge, 3_000, 7_000),
        ("one_year_freezer", UnitType::Freezer, -22_000, -12_000),
    ] {
        let unit = Unit {
            unit_type,
            ..fridge()
        };
        let rules = EffectiveRules {
            check_in_interval_seconds: 60,
            ..EffectiveRules::built_in(unit_type)
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut replay = Replay::new(facts(&unit), rules);
                for minute in 0..YEAR_MINUTES {
                    let milli = if minute % 360 < 15 { warm } else { good };
                    let value = Temperature::from_milli_celsius(milli);
                    black_box(replay.push(Observation::temperature(at(minute * 60), value)));
                }
                replay.summary()
            });
        });
    }
    group.finish();
}

/// A million units, each with its next check-in armed: a tick before any is due, and one at each deadline
/// of a tenth of them, whose sensors fall late at once and raise alerts.
fn deadlines(c: &mut Criterion) {
    let (unit, rules) = (fridge(), EffectiveRules::built_in(UnitType::Fridge));
    let armed = |count: i64| -> Vec<(Timestamp, Monitor)> {
        let of = |n: i64| {
            let (mut monitor, now) = (Monitor::default(), at(3_600 + n % 300));
            let good = Temperature::from_milli_celsius(3_000);
            let mut seen = [Observation::temperature(now, good)];
            let input = Input::Readings(&mut seen);
            let told = step(&mut monitor, &rules, &facts(&unit), input, now);
            (told.next_deadline.expect("a check-in is due"), monitor)
        };
        (0..count).map(of).collect()
    };
    let tick = |monitor: &mut Monitor, now| {
        black_box(step(monitor, &rules, &facts(&unit), Input::Tick, now).next_deadline)
    };
    let mut group = c.benchmark_group("one_million_armed_deadlines");
    group.sample_size(10);
    group.throughput(Throughput::Elements(DEADLINES.unsigned_abs()));
    group.bench_function("ticked_none_due", |b| {
        let mut units = armed(DEADLINES);
        b.iter(|| {
            for (_, monitor) in &mut units {
                tick(monitor, at(3_901));
            }
        });
    });
    group.throughput(Throughput::Elements(FIRING.unsigned_abs()));
    group.bench_function("a_tenth_fires", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let mut units = armed(FIRING);
                let begun = Instant::now();
                for (deadline, monitor) in &mut units {
                    tick(monitor, *deadline);
                }
                spent += begun.elapsed();
                assert!(units.iter().all(|(_, monitor)| monitor.alerts.len() == 1));
            }
            spent
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    one_step(&mut criterion);
    ingest(&mut criterion);
    year(&mut criterion);
    deadlines(&mut criterion);
    criterion.final_summary();
}
