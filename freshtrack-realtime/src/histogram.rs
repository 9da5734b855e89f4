//! Counts of values by upper bounds, as metrics want them: no allocation, no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of durations, in seconds.
pub(crate) const SECONDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds of the number of readings in one message.
pub(crate) const READINGS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
/// More than any list of bounds has.
const BOUNDS_MAX: usize = 16;

/// Values seen so far.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    counts: [AtomicU64; BOUNDS_MAX],
    /// Sum in millionths, so that it adds up without rounding.
    sum_micros: AtomicU64,
}

/// A histogram as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramView {
    /// Upper bound and how many values were at or below it; grows, and the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// Sum of all values.
    pub sum: f64,
}

impl HistogramView {
    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }
}

impl Default for HistogramView {
    fn default() -> Self {
        Self {
            buckets: vec![(f64::INFINITY, 0)],
            sum: 0.0,
        }
    }
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum_micros: AtomicU64::new(0),
        }
    }

    /// Adds a duration.
    pub(crate) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.add(duration.as_secs_f64(), micros);
    }

    /// Adds a count of things.
    pub(crate) fn record_count(&self, count: u32) {
        self.add(f64::from(count), u64::from(count) * 1_000_000);
    }

    fn add(&self, value: f64, micros: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn view(&self) -> HistogramView {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds
            .zip(&self.counts)
            .map(|(bound, count)| {
                total += count.load(Ordering::Relaxed);
                (bound, total)
            })
            .collect();
        let sum = Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
        HistogramView { buckets, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_in_their_bucket_and_all_above() {
        let histogram = Histogram::new(READINGS);
        for count in [1, 2, 3, 500, 501] {
            histogram.record_count(count);
        }
        let view = histogram.view();
        assert_eq!(view.buckets[0], (1.0, 1));
        assert_eq!(view.buckets[2], (5.0, 3));
        assert_eq!(view.buckets[8], (500.0, 4));
        assert_eq!(view.count(), 5);
        assert!((view.sum - 1_007.0).abs() < 1e-9, "{}", view.sum);
    }
}
