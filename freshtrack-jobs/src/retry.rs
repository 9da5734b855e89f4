//! When to try again: pure functions from a failure to a decision.
//!
//! `delay(n) = min(cap, base × 2^(n−1)) × uniform(0.8, 1.2)`, not before a provider's `Retry-After`.
//! Randomness is a value the caller passes; a retry is a stored instant, never a sleep.

use crate::job::{Code, History, Lane};
use freshtrack_core::time::{Span, Timestamp};

/// Longest `Retry-After` that is honoured.
pub const RETRY_AFTER_MAX: Span = Span::from_seconds(3_600);

/// Workers that may die under one job; the last of them makes it dead `poison`.
pub const CRASHES_MAX: u32 = 3;

/// Share of the delay below and above which jitter never goes, in millionths.
const JITTER_LOW_PPM: u64 = 800_000;
const JITTER_WIDTH_PPM: u64 = 400_000;
const PPM: i128 = 1_000_000;

/// What kind of failure it was; decides how it is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Network, time-out before the request was written, 408, 5xx, panic, unknown code.
    Transient,
    /// 429 and throttle codes.
    Throttled,
    /// Our credentials, funds or sender number: not the recipient's fault.
    Account,
    /// The request was written and no answer came.
    UnknownOutcome,
    /// Recipient, content, opted out: no retry.
    Permanent,
    /// A worker died holding the lease.
    Crashed,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Transient,
        Self::Throttled,
        Self::Account,
        Self::UnknownOutcome,
        Self::Permanent,
        Self::Crashed,
    ];

    /// The word for it in storage, labels and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Account => "account",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Permanent => "permanent",
            Self::Crashed => "crashed",
        }
    }

    /// Reads [`Class::as_str`] back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: Class,
    /// The provider's or our own code.
    pub code: Option<Code>,
}

impl Failure {
    /// A failure of `class` with a code of this crate.
    #[must_use]
    pub(crate) fn known(class: Class, code: &'static str) -> Self {
        Self {
            class,
            code: Some(Code::known(code)),
        }
    }
}

/// How the delays of a policy grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backoff {
    /// `min(cap, base × 2^(n−1))`.
    Exponential {
        /// First delay.
        base: Span,
        /// Longest delay.
        cap: Span,
    },
    /// A written schedule; its last step repeats.
    Steps(Vec<Span>),
}

/// How a kind of job is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The delays after transient failures.
    pub backoff: Backoff,
    /// No attempt starts later than this after the first `run_at`.
    pub horizon: Span,
    /// Delays for single classes, instead of the table's.
    pub overrides: Vec<(Class, Backoff)>,
}

impl Policy {
    /// A policy of exponential delays.
    #[must_use]
    pub const fn exponential(base: Span, cap: Span, horizon: Span) -> Self {
        Self {
            backoff: Backoff::Exponential { base, cap },
            horizon,
            overrides: Vec::new(),
        }
    }

    /// The same policy with other delays for one class.
    #[must_use]
    pub fn with_override(mut self, class: Class, backoff: Backoff) -> Self {
        self.overrides.retain(|(other, _)| *other != class);
        self.overrides.push((class, backoff));
        self
    }

    /// 1 s, at most 1 min, for 15 min.
    #[must_use]
    pub const fn standard() -> Self {
        Self::exponential(seconds(1), seconds(60), seconds(15 * 60))
    }

    /// SMS of a critical alert: 2 s, at most 10 min, for 6 h.
    #[must_use]
    pub const fn sms_critical() -> Self {
        Self::exponential(seconds(2), seconds(600), seconds(6 * 3_600))
    }

    /// Other SMS: 2 s, at most 2 min, for 10 min.
    #[must_use]
    pub const fn sms() -> Self {
        Self::exponential(seconds(2), seconds(120), seconds(600))
    }

    /// E-mail of a critical alert: 5 s, at most 10 min, for 6 h.
    #[must_use]
    pub const fn email_critical() -> Self {
        Self::exponential(seconds(5), seconds(600), seconds(6 * 3_600))
    }

    /// E-mail of another alert: 5 s, at most 10 min, for 1 h.
    #[must_use]
    pub const fn email() -> Self {
        Self::exponential(seconds(5), seconds(600), seconds(3_600))
    }

    /// Digests: 2 min, at most 30 min, for 12 h.
    #[must_use]
    pub const fn digest() -> Self {
        Self::exponential(seconds(120), seconds(1_800), seconds(12 * 3_600))
    }

    /// Metering: 5 s, at most 30 min, for 48 h.
    #[must_use]
    pub const fn metering() -> Self {
        Self::exponential(seconds(5), seconds(1_800), seconds(48 * 3_600))
    }

    /// Partitions: 5 min, at most 1 h, for 24 h.
    #[must_use]
    pub const fn partitions() -> Self {
        Self::exponential(seconds(300), seconds(3_600), seconds(24 * 3_600))
    }

    /// A written schedule: one retry after each step, so `steps.len() + 1` attempts.
    #[must_use]
    pub fn steps(steps: Vec<Span>, horizon: Span) -> Self {
        Self {
            backoff: Backoff::Steps(steps),
            horizon,
            overrides: Vec::new(),
        }
    }

    /// The delay before attempt `n + 1`, after `n` counted failures, without jitter.
    fn plain_delay(&self, class: Class, lane: Lane, n: u32) -> Option<Span> {
        let own = self
            .overrides
            .iter()
            .find(|(c, _)| *c == class)
            .map(|(_, backoff)| backoff);
        let backoff = match (own, class) {
            (Some(backoff), _) => backoff.clone(),
            (None, Class::Transient) => self.backoff.clone(),
            (None, Class::Throttled) => Backoff::Exponential {
                base: seconds(30),
                cap: seconds(15 * 60),
            },
            (None, Class::Account) => Backoff::Exponential {
                base: seconds(60),
                cap: seconds(10 * 60),
            },
            (None, Class::UnknownOutcome) => match lane {
                Lane::Critical => Backoff::Exponential {
                    base: seconds(20),
                    cap: seconds(20),
                },
                Lane::Default | Lane::Bulk => Backoff::Exponential {
                    base: seconds(120),
                    cap: seconds(120),
                },
            },
            (None, Class::Crashed) => return Some(Span::ZERO),
            (None, Class::Permanent) => return None,
        };
        backoff.delay(n)
    }
}

impl Backoff {
    fn delay(&self, n: u32) -> Option<Span> {
        match self {
            Self::Exponential { base, cap } => {
                let doublings = n.saturating_sub(1).min(40);
                let grown = i128::from(base.as_micros()) << doublings;
                Some(Span::from_micros(
                    i64::try_from(grown)
                        .unwrap_or(i64::MAX)
                        .min(cap.as_micros()),
                ))
            }
            Self::Steps(steps) => steps
                .get(usize::try_from(n).ok()?.saturating_sub(1))
                .copied(),
        }
    }
}

const fn seconds(seconds: i64) -> Span {
    Span::from_seconds(seconds)
}

/// What becomes of a job whose attempt did not end in done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Try again, counted.
    Retry {
        /// Not before.
        run_at: Timestamp,
        /// How the attempt failed.
        failure: Failure,
    },
    /// Never again, unless somebody requeues it.
    Dead {
        /// The last failure.
        failure: Failure,
    },
    /// Give it back, not counted.
    Release {
        /// Not before.
        run_at: Timestamp,
    },
}

/// A failed attempt that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// How it failed.
    pub failure: Failure,
    /// The provider asked not to come back before.
    pub not_before: Option<Timestamp>,
}

/// Decides about a failed attempt. `random` is any uniformly distributed number.
///
/// The answer is [`Decision::Dead`] with this failure if no retry is allowed or the next attempt
/// would start after the horizon.
#[must_use]
pub fn decide(
    policy: &Policy,
    lane: Lane,
    history: &History,
    failed: &Failed,
    now: Timestamp,
    random: u64,
) -> Decision {
    let failure = failed.failure.clone();
    let Some(plain) = policy.plain_delay(failure.class, lane, history.attempts + 1) else {
        return Decision::Dead { failure };
    };
    let mut run_at = now + jitter(plain, random);
    if let Some(asked) = failed.not_before {
        run_at = run_at.max(asked.min(now + RETRY_AFTER_MAX));
    }
    if run_at > history.first_run_at + policy.horizon {
        return Decision::Dead { failure };
    }
    Decision::Retry { run_at, failure }
}

/// Whether a job that failed before may still start: not after its horizon.
///
/// A job that was never tried is always tried once, however late a worker came.
#[must_use]
pub fn may_start(policy: &Policy, history: &History, now: Timestamp) -> bool {
    history.attempts == 0 || now <= history.first_run_at + policy.horizon
}

/// `plain × uniform(0.8, 1.2)`, from any uniformly distributed `random`.
#[must_use]
pub fn jitter(plain: Span, random: u64) -> Span {
    let ppm = JITTER_LOW_PPM + random % (JITTER_WIDTH_PPM + 1);
    let micros = i128::from(plain.as_micros()) * i128::from(ppm) / PPM;
    Span::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn history(attempts: u32) -> History {
        History {
            attempts,
            ..History::new(START, START)
        }
    }

    fn failed(class: Class) -> Failed {
        Failed {
            failure: Failure { class, code: None },
            not_before: None,
        }
    }

    fn run_at(decision: &Decision) -> Timestamp {
        match decision {
            Decision::Retry { run_at, .. } => *run_at,
            other => panic!("expected a retry, got {other:?}"),
        }
    }

    #[test]
    fn permanent_failures_run_once() {
        let decision = decide(
            &Policy::sms_critical(),
            Lane::Critical,
            &history(0),
            &failed(Class::Permanent),
            START,
            0,
        );
        assert!(matches!(decision, Decision::Dead { .. }));
    }

    #[test]
    fn classes_have_the_delays_of_the_table() {
        let mid = JITTER_WIDTH_PPM / 2;
        let after = |class, lane, n: u32| {
            let policy = Policy::sms_critical();
            run_at(&decide(
                &policy,
                lane,
                &history(n - 1),
                &failed(class),
                START,
                mid,
            )) - START
        };
        assert_eq!(after(Class::Transient, Lane::Default, 1), seconds(2));
        assert_eq!(after(Class::Transient, Lane::Default, 4), seconds(16));
        assert_eq!(after(Class::Transient, Lane::Default, 20), seconds(600));
        assert_eq!(after(Class::Throttled, Lane::Default, 1), seconds(30));
        assert_eq!(after(Class::Throttled, Lane::Default, 9), seconds(900));
        assert_eq!(after(Class::Account, Lane::Default, 1), seconds(60));
        assert_eq!(after(Class::Account, Lane::Default, 9), seconds(600));
        assert_eq!(after(Class::UnknownOutcome, Lane::Critical, 1), seconds(20));
        assert_eq!(after(Class::UnknownOutcome, Lane::Bulk, 1), seconds(120));
        assert_eq!(after(Class::Crashed, Lane::Default, 1), Span::ZERO);
    }

    #[test]
    fn a_class_override_replaces_the_table() {
        let policy = Policy::standard().with_override(
            Class::Throttled,
            Backoff::Steps(vec![seconds(5), seconds(7)]),
        );
        let at = |n| {
            decide(
                &policy,
                Lane::Default,
                &history(n),
                &failed(Class::Throttled),
                START,
                JITTER_WIDTH_PPM / 2,
            )
        };
        assert_eq!(run_at(&at(0)) - START, seconds(5));
        assert_eq!(run_at(&at(1)) - START, seconds(7));
        assert!(
            matches!(at(2), Decision::Dead { .. }),
            "the written schedule is over"
        );
    }

    #[test]
    fn a_job_never_tried_is_tried_once_however_late() {
        let late = START + seconds(1_000_000);
        assert!(may_start(&Policy::standard(), &history(0), late));
        assert!(!may_start(&Policy::standard(), &history(1), late));
    }

    proptest! {
        #[test]
        fn delays_lie_in_the_jitter_band(random: u64, n in 1u32..60) {
            let policy = Policy::sms_critical();
            let plain = policy.plain_delay(Class::Transient, Lane::Default, n).unwrap();
            let delay = jitter(plain, random).as_micros();
            prop_assert!(delay * 10 >= plain.as_micros() * 8);
            prop_assert!(delay * 10 <= plain.as_micros() * 12);
        }

        #[test]
        fn jitter_reaches_both_ends(plain in 1i64..1_000_000_000) {
            let plain = Span::from_micros(plain * 10);
            prop_assert_eq!(jitter(plain, 0).as_micros() * 10, plain.as_micros() * 8);
            prop_assert_eq!(jitter(plain, JITTER_WIDTH_PPM).as_micros() * 10, plain.as_micros() * 12);
        }

        #[test]
        fn no_attempt_starts_after_the_horizon(random: u64, n in 0u32..80, late in 0i64..30_000, asked in 0i64..10_000) {
            let policy = Policy::sms_critical();
            let now = START + seconds(late);
            let mut failed = failed(Class::Transient);
            failed.not_before = Some(now + seconds(asked));
            if let Decision::Retry { run_at, .. } =
                decide(&policy, Lane::Critical, &history(n), &failed, now, random)
            {
                prop_assert!(run_at <= START + policy.horizon);
                prop_assert!(run_at >= now + seconds(asked.min(3_600)));
            }
        }

        #[test]
        fn a_chain_of_failures_ends_dead_with_its_last_code(seed: u64) {
            let policy = Policy::standard();
            let (mut history, mut now, mut random) = (history(0), START, seed);
            for n in 1..200u32 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let code = Code::new(&format!("e{n}")).unwrap();
                let failed = Failed {
                    failure: Failure { class: Class::Transient, code: Some(code.clone()) },
                    not_before: None,
                };
                match decide(&policy, Lane::Default, &history, &failed, now, random) {
                    Decision::Retry { run_at, failure } => {
                        prop_assert!(run_at > now);
                        now = run_at;
                        history.attempts += 1;
                        history.last = Some(failure);
                    }
                    Decision::Dead { failure } => {
                        prop_assert_eq!(failure.code, Some(code));
                        prop_assert!(n > 10, "gave up after {} attempts", n);
                        return Ok(());
                    }
                    Decision::Release { .. } => prop_assert!(false, "never counted"),
                }
            }
            prop_assert!(false, "never ended");
        }
    }
}
