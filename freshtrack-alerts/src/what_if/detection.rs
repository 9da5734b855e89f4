//! How fast a rule would have found warm-ups that are put into the history.

use super::Injection;
use crate::cascade::EffectiveRules;
use crate::food_safety::fleet::Rng;
use crate::kpi::nearest_rank;
use crate::replay::Replay;
use crate::step::{Facts, Observation};
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};

/// How long there was no violation before a warm-up.
pub const QUIET_BEFORE: Span = Span::from_minutes(120);
/// How long after its beginning a warm-up counts as missed.
pub const MISSED_AFTER: Span = Span::from_minutes(24 * 60);

/// How fast warm-ups of one time constant would have been found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Time constant in hours.
    pub tau_hours: f64,
    /// Warm-ups tried.
    pub trials: u32,
    /// Not found within 24 hours or before the history ended.
    pub missed: u32,
    /// Median time from the beginning to the confirmed alarm.
    pub p50: Option<Span>,
    /// 95th percentile of the same.
    pub p95: Option<Span>,
}

pub(super) fn detection(
    facts: Facts<'_>,
    history: &[Observation],
    rules: EffectiveRules,
    injection: &Injection,
    seed: u64,
) -> Vec<Detection> {
    let starts = quiet_starts(history, &rules);
    let mut rng = Rng::seeded(seed);
    let chosen: Vec<usize> = (0..injection.count)
        .filter_map(|_| pick(&mut rng, &starts))
        .collect();
    let of = |tau: &f64| {
        let found = chosen
            .iter()
            .map(|start| warm_up(facts, history, rules, *start, injection.ambient, *tau));
        let delays: Vec<Option<Span>> = found.collect();
        let mut found: Vec<Span> = delays.iter().flatten().copied().collect();
        found.sort_unstable();
        Detection {
            tau_hours: *tau,
            trials: u32::try_from(delays.len()).unwrap_or(u32::MAX),
            missed: u32::try_from(delays.len() - found.len()).unwrap_or(u32::MAX),
            p50: nearest_rank(&found, 50),
            p95: nearest_rank(&found, 95),
        }
    };
    injection.tau_hours.iter().map(of).collect()
}

fn pick(rng: &mut Rng, starts: &[usize]) -> Option<usize> {
    let among = u64::try_from(starts.len()).ok().filter(|n| *n > 0)?;
    let index = usize::try_from(rng.next_u64() % among).ok()?;
    starts.get(index).copied()
}

/// Readings before which nothing was out of range for two hours of history, and after which the history
/// goes on long enough; if it does so nowhere, all that were quiet before.
fn quiet_starts(history: &[Observation], rules: &EffectiveRules) -> Vec<usize> {
    let (Some(first), Some(last)) = (history.first(), history.last()) else {
        return Vec::new();
    };
    let mut quiet_since = first.recorded_at;
    let mut starts = Vec::new();
    for (index, observation) in history.iter().enumerate() {
        let Some(value) = observation.temperature else {
            continue;
        };
        if rules.zone(value) == Zone::Out {
            quiet_since = observation.recorded_at;
        } else if observation.recorded_at - quiet_since >= QUIET_BEFORE {
            starts.push(index);
        }
    }
    let latest = last.recorded_at - MISSED_AFTER;
    let roomy = starts.partition_point(|index| history[*index].recorded_at <= latest);
    if roomy > 0 {
        starts.truncate(roomy);
    }
    starts
}

/// How long until a warm-up from reading `start` on is found.
fn warm_up(
    facts: Facts<'_>,
    history: &[Observation],
    rules: EffectiveRules,
    start: usize,
    ambient: Temperature,
    tau_hours: f64,
) -> Option<Span> {
    let begin = history[start].recorded_at;
    let t0 = f64::from(history[start].temperature?.milli_celsius());
    let ambient = f64::from(ambient.milli_celsius());
    let before = history[..start].partition_point(|o| o.recorded_at < begin - QUIET_BEFORE);
    let mut replay = Replay::new(facts, rules);
    for (index, observation) in history.iter().enumerate().skip(before) {
        let at = observation.recorded_at;
        if at - begin > MISSED_AFTER {
            break;
        }
        let mut observation = *observation;
        if index >= start && observation.temperature.is_some() {
            let warmed = warmed(t0, ambient, hours(at, begin) / tau_hours);
            observation.temperature = Some(warmed);
        }
        let alarm = replay
            .push(observation)
            .into_iter()
            .find(|transition| transition.is_alarm() && transition.at >= begin);
        if let Some(alarm) = alarm {
            return Some(alarm.at - begin);
        }
    }
    None
}

fn hours(at: Timestamp, begin: Timestamp) -> f64 {
    (at - begin).to_duration().as_secs_f64() / 3_600.0
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "between two temperatures of 32 bits, and saturating"
)]
fn warmed(t0: f64, ambient: f64, constants: f64) -> Temperature {
    let milli = ambient + (t0 - ambient) * (-constants).exp();
    Temperature::from_milli_celsius(milli.round() as i32)
}
