//! The whole engine in one thread on a simulated clock, store and network: a seed is a life.
//!
//! Ingest, sweeper and operators run as they do live, over a memory store that fails, answers too late
//! or not at all, and lets others in between; processes crash at any await and only the store
//! survives. Readings arrive twice, late and out of order; clocks step. While they live the invariants
//! of the specification are checked: those of one commit by a ledger below all faults, those of time
//! in calm moments by looking at what was sent. A seed replays exactly, given the same code.
//!
//! A checker that was never seen to fail proves nothing: every [`Sabotage`] is a bug it must catch.

mod calls;
mod calm;
mod clock;
mod concurrent;
mod ledger;
mod race;
mod sabotage;
mod sensors;
mod store;
mod world;

pub use sabotage::Sabotage;

use std::fmt;

/// What must hold whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// What was answered as accepted is stored.
    I1Durable,
    /// State is a pure function of what was committed.
    I2Replay,
    /// Duplicated, reordered and late readings end in the record of the sorted set.
    I3SortedSet,
    /// Timers fire though nothing arrives.
    I4Timers,
    /// Data and timer at one instant reach the same state in either order.
    I5Race,
    /// Every raise is told, in the same commit.
    I6Told,
    /// Repeated deliveries are answered with the same id.
    I7SameId,
    /// No data resolves nothing.
    I8NoData,
    /// All quiet ends.
    I9QuietEnds,
    /// Nothing but data, door and rules moves a delay.
    I10Delays,
    /// Clock steps neither raise nor clear what readings do not.
    I11ClockSteps,
    /// Organizations do not reach each other.
    I12Tenants,
    /// What waits is bounded, and refusals are visible.
    I14Bounded,
    /// Changed rules are followed.
    I15Rules,
    /// Two good readings end an excursion.
    Exit,
    /// What holds has an alert.
    Raised,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// The life it happened in.
    pub seed: u64,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {:?}: {}", self.seed, self.invariant, self.what)
    }
}

/// How often things happened, so that nobody takes an idle simulation for a passed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Changes that were stored.
    pub commits: u64,
    /// Commits that a fault touched.
    pub faults: u64,
    /// Changes that met a conflict, real or made.
    pub conflicts: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Readings answered as accepted.
    pub accepted: u64,
    /// Readings answered as known.
    pub duplicates: u64,
    /// Accepted readings that came late.
    pub late: u64,
    /// Temperature alerts raised.
    pub raised: u64,
    /// Temperature alerts that cleared by themselves.
    pub cleared: u64,
    /// Wishes of people that were followed.
    pub wishes: u64,
    /// Calls refused for want of room.
    pub refused: u64,
    /// Races of a timer with a reading.
    pub races: u64,
    /// Steps of the clock.
    pub clock_steps: u64,
}

impl Tally {
    /// Adds another life.
    pub const fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.faults += other.faults;
        self.conflicts += other.conflicts;
        self.crashes += other.crashes;
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.raised += other.raised;
        self.cleared += other.cleared;
        self.wishes += other.wishes;
        self.refused += other.refused;
        self.races += other.races;
        self.clock_steps += other.clock_steps;
    }
}

/// What became of a life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was broken, in order; empty if all held. At most some.
    pub violations: Vec<Violation>,
    /// What happened.
    pub tally: Tally,
    /// Hash of all that is stored at the end.
    pub fingerprint: u64,
}

/// Lives the life of `seed`, with a bug in it if one is given.
///
/// It does not wait: what must be waited for runs on the simulated clock.
pub async fn simulate(seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    world::World::begin(seed, sabotage).await.live().await
}
