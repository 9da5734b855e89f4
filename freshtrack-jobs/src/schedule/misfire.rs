//! Which instants of a due schedule become jobs.

use super::{InvalidSchedule, Schedule};
use freshtrack_core::time::Timestamp;

/// Most instants one firing makes up for.
pub const MISFIRES_MAX: usize = 100;

/// What happens to instants that passed while nobody worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misfire {
    /// One run, which covers the gap by its cursor.
    Latest,
    /// A run for each, the newest 100 at most.
    All,
    /// None; the next regular instant is the next run.
    Skip,
}

impl Misfire {
    /// The word for it in storage and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::All => "all",
            Self::Skip => "skip",
        }
    }

    /// Reads [`Misfire::as_str`] back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Latest, Self::All, Self::Skip]
            .into_iter()
            .find(|m| m.as_str() == text)
    }
}

/// Instants that are late by no more than this are not misfires: a tick comes every second.
const PUNCTUAL_SECONDS: i64 = 10;

/// What a due schedule does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// A job for each of these instants, oldest first; at most [`MISFIRES_MAX`].
    pub instants: Vec<Timestamp>,
    /// Where the schedule stands afterwards; always after `now`.
    pub next_run_at: Timestamp,
}

/// Decides what a schedule that is due at `now` does. Not due: no instants, and it stays where it is.
///
/// # Errors
/// [`InvalidSchedule::Never`] if its cadence has no further instant.
pub fn firing(schedule: &Schedule, now: Timestamp) -> Result<Firing, InvalidSchedule> {
    let spec = &schedule.spec;
    let mut missed = std::collections::VecDeque::new();
    let mut next = schedule.next_run_at;
    while next <= now {
        if missed.len() == MISFIRES_MAX {
            missed.pop_front();
        }
        missed.push_back(next);
        // A long downtime of a cadence of seconds must not be walked step by step.
        next = match far_behind(schedule, next, now) {
            Some(near) => spec.cadence.next_after(&spec.zone, near)?,
            None => spec.cadence.next_after(&spec.zone, next)?,
        };
    }
    let punctual = now - freshtrack_core::time::Span::from_seconds(PUNCTUAL_SECONDS);
    let instants = match spec.misfire {
        Misfire::All => missed.into(),
        Misfire::Latest => missed.pop_back().into_iter().collect(),
        Misfire::Skip => missed
            .pop_back()
            .into_iter()
            .filter(|last| *last >= punctual)
            .collect(),
    };
    Ok(Firing {
        instants,
        next_run_at: next,
    })
}

/// An instant near `now` to go on from, if the cadence is an interval passed more than 100 times.
fn far_behind(schedule: &Schedule, from: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let super::Cadence::Every(interval) = schedule.spec.cadence else {
        return None;
    };
    let kept = i64::try_from(MISFIRES_MAX).unwrap_or(i64::MAX);
    let near = now - interval.times(kept);
    (near > from).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::super::{Cadence, ScheduleId, ScheduleSpec, Zone};
    use super::*;
    use crate::job::{Kind, Lane, Payload, QueueName, Tenant};
    use freshtrack_core::time::Span;
    use proptest::prelude::*;

    fn hourly(misfire: Misfire) -> Schedule {
        let spec = ScheduleSpec {
            id: ScheduleId::new("hourly").unwrap(),
            tenant: Tenant::Platform,
            queue: QueueName::new("maintenance").unwrap(),
            kind: Kind::new("rows:prune").unwrap(),
            version: 1,
            lane: Lane::Bulk,
            payload: Payload::from_json("{}").unwrap(),
            cadence: Cadence::cron("0 * * * *").unwrap(),
            zone: Zone::UTC,
            misfire,
            enabled: true,
        };
        Schedule::starting(spec, Timestamp::EPOCH).unwrap()
    }

    const HOUR: Span = Span::from_seconds(3_600);

    #[test]
    fn downtime_is_made_up_as_the_policy_says() {
        let now = Timestamp::EPOCH + HOUR.times(5) + Span::from_seconds(1_800);
        let fired = |misfire| firing(&hourly(misfire), now).unwrap();
        let hour = |n| Timestamp::EPOCH + HOUR.times(n);
        assert_eq!(
            fired(Misfire::All).instants,
            [hour(1), hour(2), hour(3), hour(4), hour(5)]
        );
        assert_eq!(fired(Misfire::Latest).instants, [hour(5)]);
        assert_eq!(fired(Misfire::Skip).instants, []);
        assert_eq!(fired(Misfire::Skip).next_run_at, hour(6));
        let punctual = firing(&hourly(Misfire::Skip), hour(1) + Span::from_seconds(1)).unwrap();
        assert_eq!(punctual.instants, [hour(1)], "a tick's delay is no misfire");
    }

    #[test]
    fn all_means_the_newest_hundred() {
        let now = Timestamp::EPOCH + HOUR.times(500);
        let fired = firing(&hourly(Misfire::All), now).unwrap();
        assert_eq!(fired.instants.len(), MISFIRES_MAX);
        assert_eq!(fired.instants.last(), Some(&now));
    }

    #[test]
    fn a_year_of_seconds_is_not_walked() {
        let mut schedule = hourly(Misfire::Latest);
        schedule.spec.cadence = Cadence::every(Span::from_seconds(1)).unwrap();
        let now = Timestamp::EPOCH + Span::from_seconds(400 * 86_400);
        assert_eq!(firing(&schedule, now).unwrap().instants, [now]);
    }

    proptest! {
        #[test]
        fn however_often_it_is_asked_every_instant_fires_once(steps in prop::collection::vec(1i64..20_000, 1..40)) {
            let mut schedule = hourly(Misfire::All);
            let mut now = Timestamp::EPOCH;
            let mut fired = Vec::new();
            for step in steps {
                now = now + Span::from_seconds(step);
                let firing = firing(&schedule, now).unwrap();
                prop_assert!(firing.next_run_at > now);
                fired.extend(firing.instants);
                schedule.next_run_at = firing.next_run_at;
            }
            let hours = now.as_micros() / HOUR.as_micros();
            let wanted: Vec<_> = (1..=hours).map(|n| Timestamp::EPOCH + HOUR.times(n)).collect();
            prop_assert_eq!(fired, wanted);
        }
    }
}
