//! Per queue: how long finished jobs are kept, and how fast a lane may go over all workers.

use crate::job::{Lane, QueueName};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// How many finished jobs are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Newest done jobs kept.
    pub done: usize,
    /// Newest dead jobs kept.
    pub dead: usize,
    /// Done jobs are removed at this age.
    pub done_age: Span,
    /// Dead jobs are removed at this age.
    pub dead_age: Span,
}

impl Retention {
    /// Keeps so many for a day and thirty days.
    #[must_use]
    pub const fn counts(done: usize, dead: usize) -> Self {
        Self {
            done,
            dead,
            done_age: Span::from_seconds(86_400),
            dead_age: Span::from_seconds(30 * 86_400),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::counts(1_000, 10_000)
    }
}

/// A provider's limit: so many starts per span, over all workers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Starts …
    pub max: u32,
    /// … per this long.
    pub per: Span,
}

impl Rate {
    /// Time between two starts.
    #[must_use]
    pub fn interval(&self) -> Span {
        Span::from_micros((self.per.as_micros() / i64::from(self.max.max(1))).max(1))
    }

    /// Splits a rate that two lanes share, 3 : 1 in favour of critical; each gets at least one.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        if self.max < 4 {
            // Whole starts cannot be split: stretch the span instead.
            return (
                Self {
                    max: self.max * 3,
                    per: self.per.times(4),
                },
                Self {
                    max: self.max,
                    per: self.per.times(4),
                },
            );
        }
        let rest = self.max / 4;
        (
            Self {
                max: self.max - rest,
                per: self.per,
            },
            Self {
                max: rest,
                per: self.per,
            },
        )
    }

    /// How many of `wanted` may start at `now`, and the limiter's state afterwards.
    ///
    /// The state is the instant before which nothing starts. Unused time is not saved up, so that no
    /// window of any length sees more than its share plus one.
    #[must_use]
    pub fn admit(&self, free_at: Timestamp, wanted: usize, now: Timestamp) -> (usize, Timestamp) {
        if wanted == 0 || free_at > now {
            return (0, free_at);
        }
        // What was missed since the last look may be made up, for a quarter of a second at most:
        // claims come in batches, and a rate far above the poll would never be reached otherwise.
        let from = free_at.max(now - CATCH_UP);
        let step = self.interval().as_micros();
        let allowed = ((now - from).as_micros() / step).saturating_add(1);
        let taken = wanted.min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let used = step.saturating_mul(i64::try_from(taken).unwrap_or(i64::MAX));
        (taken, from + Span::from_micros(used))
    }
}

const CATCH_UP: Span = Span::from_micros(250_000);

/// Settings of every queue; a queue that is not named has the defaults and no limit.
#[derive(Debug, Clone, Default)]
pub struct QueueSettings {
    retention: BTreeMap<QueueName, Retention>,
    rates: BTreeMap<(QueueName, Lane), Rate>,
}

impl QueueSettings {
    /// The same settings with another retention for `queue`.
    #[must_use]
    pub fn with_retention(mut self, queue: QueueName, retention: Retention) -> Self {
        self.retention.insert(queue, retention);
        self
    }

    /// The same settings with a rate for one lane.
    #[must_use]
    pub fn with_rate(mut self, queue: QueueName, lane: Lane, rate: Rate) -> Self {
        self.rates.insert((queue, lane), rate);
        self
    }

    /// The same settings with one rate that critical and default share.
    #[must_use]
    pub fn with_shared_rate(self, queue: &QueueName, rate: Rate) -> Self {
        let (critical, default) = rate.split();
        self.with_rate(queue.clone(), Lane::Critical, critical)
            .with_rate(queue.clone(), Lane::Default, default)
    }

    /// How long finished jobs of `queue` are kept.
    #[must_use]
    pub fn retention(&self, queue: &QueueName) -> Retention {
        self.retention.get(queue).copied().unwrap_or_default()
    }

    /// The rate of a lane, if it has one.
    #[must_use]
    pub fn rate(&self, queue: &QueueName, lane: Lane) -> Option<Rate> {
        self.rates.get(&(queue.clone(), lane)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shared_rate_is_split_three_to_one() {
        let rate = Rate {
            max: 20,
            per: Span::from_seconds(1),
        };
        let (critical, default) = rate.split();
        assert_eq!((critical.max, default.max), (15, 5));
        let slow = Rate {
            max: 1,
            per: Span::from_seconds(1),
        };
        let (critical, default) = slow.split();
        assert_eq!(
            (critical.interval(), default.interval()),
            (Span::from_micros(4_000_000 / 3), Span::from_seconds(4),)
        );
    }

    proptest! {
        #[test]
        fn no_window_sees_more_than_its_share_and_what_was_made_up(
            max in 1u32..50, looks in prop::collection::vec((0i64..400_000, 0usize..30), 1..200),
        ) {
            let rate = Rate { max, per: Span::from_seconds(1) };
            let begin = Timestamp::from_seconds(1_000);
            let (mut now, mut free_at) = (begin, Timestamp::MIN);
            let mut starts: Vec<Timestamp> = Vec::new();
            for (pause, wanted) in looks {
                now = now + Span::from_micros(pause);
                let (taken, after) = rate.admit(free_at, wanted, now);
                prop_assert!(taken <= wanted);
                prop_assert!(after >= free_at);
                free_at = after;
                starts.extend(std::iter::repeat_n(now, taken));
            }
            for (index, start) in starts.iter().enumerate() {
                let in_window = starts[index..].iter().take_while(|s| **s - *start < rate.per).count();
                let bound = f64::from(max) * 1.25 + 2.0;
                #[expect(clippy::cast_precision_loss, reason = "small counts")]
                let in_window = in_window as f64;
                prop_assert!(in_window <= bound, "{} > {}", in_window, bound);
            }
        }
    }
}
