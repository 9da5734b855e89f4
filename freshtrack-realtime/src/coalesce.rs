//! Gathers readings per unit, so that a unit makes one message per window however often it is read.
//!
//! The first reading opens a unit's window and the flush comes a window later; windows of different
//! units are not aligned, so flushes spread. Pure: instants come in as values.

use crate::outbox_view::ReadingView;
use freshtrack_core::ids::{OrgId, SiteId, UnitId};
use freshtrack_core::temperature::TemperatureUnit;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Most readings in one message; the older ones of a window are only in the store.
pub const READINGS_PER_BATCH_MAX: usize = 500;

/// Readings of one unit, as one message will carry them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The organization.
    pub org: OrgId,
    /// The unit.
    pub unit: UnitId,
    /// Its site.
    pub site: Option<SiteId>,
    /// Display unit of the organization.
    pub temperature_unit: TemperatureUnit,
    /// Lowest sequence contained.
    pub seq_from: i64,
    /// Highest sequence contained.
    pub seq_to: i64,
    /// Ascending by (`recorded_at`, id), the newest 500.
    pub readings: Vec<ReadingView>,
    /// How many older ones were left out.
    pub truncated: usize,
}

impl Batch {
    fn sort_and_cut(&mut self) {
        self.readings
            .sort_unstable_by_key(|r| (r.recorded_at, r.id));
        let surplus = self.readings.len().saturating_sub(READINGS_PER_BATCH_MAX);
        self.readings.drain(..surplus);
        self.truncated += surplus;
    }
}

/// Readings that wait for their unit's window to close.
#[derive(Debug)]
pub struct Coalescer {
    window: Duration,
    capacity: usize,
    open: HashMap<(OrgId, UnitId), Batch>,
    /// Windows have one length, so the order of opening is the order of closing.
    order: VecDeque<(Instant, OrgId, UnitId)>,
    buffered: usize,
}

impl Coalescer {
    /// A coalescer with windows of this length that holds at most `capacity` readings.
    #[must_use]
    pub fn new(window: Duration, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            open: HashMap::new(),
            order: VecDeque::new(),
            buffered: 0,
        }
    }

    /// Readings held.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffered
    }

    /// When the next window closes.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.order.front().map(|(due, ..)| *due)
    }

    /// Adds one commit's readings and answers what is to be sent at once: the oldest windows when the
    /// bound of the node is reached, or these readings themselves when windows are off.
    #[must_use]
    pub fn add(&mut self, now: Instant, commit: Batch) -> Vec<Batch> {
        if commit.readings.is_empty() {
            return Vec::new();
        }
        if self.window.is_zero() {
            let mut single = commit;
            single.sort_and_cut();
            return vec![single];
        }
        let key = (commit.org, commit.unit);
        let added = commit.readings.len();
        if let Some(batch) = self.open.get_mut(&key) {
            batch.seq_from = batch.seq_from.min(commit.seq_from);
            batch.seq_to = batch.seq_to.max(commit.seq_to);
            batch.site = commit.site;
            batch.temperature_unit = commit.temperature_unit;
            batch.readings.extend(commit.readings);
            self.buffered += added;
            // Cut now and then, not at each commit, so that a flood costs a sort per 500 readings.
            if batch.readings.len() > 2 * READINGS_PER_BATCH_MAX {
                let before = batch.readings.len();
                batch.sort_and_cut();
                self.buffered -= before - batch.readings.len();
            }
        } else {
            self.order.push_back((now + self.window, key.0, key.1));
            self.open.insert(key, commit);
            self.buffered += added;
        }
        let mut early = Vec::new();
        while self.buffered >= self.capacity {
            match self.pop() {
                Some(batch) => early.push(batch),
                None => break,
            }
        }
        early
    }

    /// Windows that close at or before `now`, oldest first.
    #[must_use]
    pub fn due(&mut self, now: Instant) -> Vec<Batch> {
        let mut due = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) {
            due.extend(self.pop());
        }
        due
    }

    /// Every window, closed early: for a graceful stop.
    #[must_use]
    pub fn flush(&mut self) -> Vec<Batch> {
        std::iter::from_fn(|| self.pop()).collect()
    }

    /// Forgets an organization nobody here listens to.
    pub fn forget(&mut self, org: OrgId) {
        self.order.retain(|(_, other, _)| *other != org);
        self.open.retain(|(other, _), batch| {
            let keep = *other != org;
            if !keep {
                self.buffered -= batch.readings.len();
            }
            keep
        });
    }

    fn pop(&mut self) -> Option<Batch> {
        let (_, org, unit) = self.order.pop_front()?;
        let mut batch = self.open.remove(&(org, unit))?;
        self.buffered -= batch.readings.len();
        batch.sort_and_cut();
        Some(batch)
    }
}
