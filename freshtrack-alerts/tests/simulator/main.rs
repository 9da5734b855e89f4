//! Many lives of the whole engine under faults, and the bugs that the same lives must reveal.
//!
//! `FRESHTRACK_SIM_SEEDS=10000 cargo test --release -p freshtrack-alerts --test simulator` runs more of
//! them than every build does; `FRESHTRACK_SIM_FROM` tells the first one.

use freshtrack_alerts::testkit::simulator::{Invariant, Sabotage, Tally, simulate};
use std::ops::Range;

/// How many lives, unless `FRESHTRACK_SIM_SEEDS` says otherwise.
const SEEDS: u64 = 300;

#[expect(
    clippy::disallowed_methods,
    reason = "how long to simulate is told by the caller"
)]
fn seeds() -> Range<u64> {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("{name} is no number"))
        })
    };
    let first = number("FRESHTRACK_SIM_FROM", 0);
    first..first + number("FRESHTRACK_SIM_SEEDS", SEEDS)
}

#[tokio::test(start_paused = true)]
async fn every_life_keeps_the_invariants() {
    let mut all = Tally::default();
    let mut broken: Vec<String> = Vec::new();
    for seed in seeds() {
        let outcome = simulate(seed, None).await;
        broken.extend(outcome.violations.first().map(ToString::to_string));
        all.add(&outcome.tally);
    }
    println!("seeds {:?}: {all:?}", seeds());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let happened = [
        all.commits,
        all.faults,
        all.conflicts,
        all.crashes,
        all.accepted,
        all.duplicates,
        all.late,
        all.raised,
        all.cleared,
        all.wishes,
        all.refused,
        all.races,
        all.clock_steps,
    ];
    let lives = seeds().end - seeds().start;
    assert!(
        happened.iter().all(|times| *times > lives / 10),
        "idle: {all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_seed_replays_exactly() {
    for seed in 0..20 {
        assert_eq!(simulate(seed, None).await, simulate(seed, None).await);
    }
    let fingerprint = async |seed| simulate(seed, None).await.fingerprint;
    assert_ne!(fingerprint(1).await, fingerprint(2).await);
}

/// The invariant that each bug is about.
const fn target(bug: Sabotage) -> Invariant {
    match bug {
        Sabotage::TimerResetByAnyWrite | Sabotage::InMemoryDelay => Invariant::I10Delays,
        Sabotage::RestoringWithoutExit => Invariant::Exit,
        Sabotage::EdgeOnlyCreation => Invariant::Raised,
        Sabotage::NoDataResolves => Invariant::I8NoData,
        Sabotage::AcknowledgeBeforeCommit => Invariant::I1Durable,
        Sabotage::TimerDropsReading => Invariant::I5Race,
        Sabotage::NewIdPerRetry | Sabotage::LateCountsAsNew => Invariant::I3SortedSet,
        Sabotage::QuietWithoutBound => Invariant::I9QuietEnds,
        Sabotage::LookupWithoutTenant => Invariant::I12Tenants,
        Sabotage::UnboundedQueue => Invariant::I14Bounded,
        Sabotage::OldRuleCached => Invariant::I15Rules,
        Sabotage::LocalTimeDeadline => Invariant::I4Timers,
        Sabotage::RaisedUntold => Invariant::I6Told,
        Sabotage::TornWrite | Sabotage::LastWriterWins => Invariant::I2Replay,
        Sabotage::ClockJumpClears => Invariant::I11ClockSteps,
    }
}

#[tokio::test(start_paused = true)]
async fn every_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Sabotage::ALL {
        let mut caught = None;
        for seed in 0..100 {
            let outcome = simulate(seed, Some(bug)).await;
            let mut violations = outcome.violations.into_iter();
            caught = violations.find(|violation| violation.invariant == target(bug));
            if caught.is_some() {
                break;
            }
        }
        match caught {
            Some(violation) => println!("{bug:?}: {violation}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
