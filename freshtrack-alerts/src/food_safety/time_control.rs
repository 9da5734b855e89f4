//! Time as a public health control: no control of temperature, so the deadline *is* the control.
//!
//! **Source:** FDA Food Code 2022 §3-501.19 (B) four hours, (C) six hours.

use super::lattice::{Measured, Operator, Threshold};
use super::series::Series;
use super::verdict::Verdict;
use chrono_tz::Tz;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const COLD_START: Threshold = Threshold::fahrenheit(Operator::AtOrBelow, 41_000);
const HOT_START: Threshold = Threshold::fahrenheit(Operator::AtOrAbove, 135_000);
const TOO_WARM: Threshold = Threshold::fahrenheit(Operator::Above, 70_000);
const FOUR_HOURS: Span = Span::from_minutes(4 * 60);
const SIX_HOURS: Span = Span::from_minutes(6 * 60);

/// Which paragraph a batch is kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Four hours, from ≤ 41 °F or ≥ 135 °F.
    FourHours,
    /// Six hours, from ≤ 41 °F and never above 70 °F, which needs proof by a probe.
    SixHours,
}

/// A batch taken out of temperature control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// When it left control.
    pub removed_at: Timestamp,
    /// Its temperature then.
    pub start: Measured,
    /// The paragraph.
    pub variant: Variant,
    /// When it was served or discarded.
    pub disposed_at: Option<Timestamp>,
}

/// Why a batch must go when it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The full time of its variant.
    FullTime,
    /// Started at a temperature that does not allow it: at once.
    NotEligible,
    /// Was above 70 °F: at once.
    TooWarm,
    /// The six-hour proof has a gap, so the four-hour deadline holds, or the gap's start if later.
    Unproven,
}

/// What holds for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeControl {
    /// When it must be gone. No extension, no re-marking.
    pub discard_by: Timestamp,
    /// Why then.
    pub basis: Basis,
    /// Pass once disposed of in time, Pending before, else Fail.
    pub verdict: Verdict,
    /// The deadline passed without a disposal.
    pub alarm: bool,
    /// When to look again though nothing new arrives.
    pub next_deadline: Option<Timestamp>,
}

/// Judges `batch` as of `now`; `probe` is its own series, needed for six hours.
#[must_use]
pub fn evaluate(batch: &Batch, probe: Option<&Series>, now: Timestamp) -> TimeControl {
    let until = batch.disposed_at.map_or(now, |disposed| disposed.min(now));
    let (discard_by, basis, silent_at) = match batch.variant {
        _ if !eligible(batch) => (batch.removed_at, Basis::NotEligible, None),
        Variant::FourHours => (batch.removed_at + FOUR_HOURS, Basis::FullTime, None),
        Variant::SixHours => six_hours(batch.removed_at, probe, until),
    };
    let disposed = batch.disposed_at.filter(|disposed| *disposed <= now);
    let verdict = match disposed {
        _ if basis == Basis::NotEligible => Verdict::Fail { proven: true },
        Some(disposed) if disposed <= discard_by => Verdict::Pass,
        None if now < discard_by => Verdict::Pending,
        Some(_) | None => Verdict::Fail { proven: true },
    };
    let alarm = disposed.is_none() && now >= discard_by;
    let next_deadline = (disposed.is_none() && !alarm)
        .then(|| silent_at.map_or(discard_by, |silent| silent.min(discard_by)));
    TimeControl {
        discard_by,
        basis,
        verdict,
        alarm,
        next_deadline,
    }
}

fn eligible(batch: &Batch) -> bool {
    match batch.variant {
        Variant::FourHours => COLD_START.is_met_by(batch.start) || HOT_START.is_met_by(batch.start),
        Variant::SixHours => COLD_START.is_met_by(batch.start),
    }
}

/// Deadline, its basis, and when continued silence would become a gap.
fn six_hours(
    removed_at: Timestamp,
    probe: Option<&Series>,
    until: Timestamp,
) -> (Timestamp, Basis, Option<Timestamp>) {
    let four = removed_at + FOUR_HOURS;
    let full = removed_at + SIX_HOURS;
    let Some(probe) = probe else {
        return (four, Basis::Unproven, None);
    };
    // The time that has to be proven ends with the six hours.
    let until = until.min(full);
    let seen = || {
        probe
            .good()
            .iter()
            .filter(|s| s.at >= removed_at && s.at <= until)
    };
    let first_warm = seen().find(|s| TOO_WARM.is_met_by(s.value)).map(|s| s.at);
    let before = probe
        .good()
        .iter()
        .rfind(|s| s.at < removed_at)
        .map(|s| s.at);
    let mut covered_from = before.filter(|at| removed_at - *at <= probe.gap_limit());
    let mut gap_at = None;
    let mut last = removed_at;
    for at in seen().map(|s| s.at).chain([until]) {
        let reference = covered_from.unwrap_or(last);
        if gap_at.is_none() && at - reference > probe.gap_limit() {
            // Nothing vouches for the time before the first reading; a reading vouches for one cadence.
            let held = if reference == removed_at {
                Span::ZERO
            } else {
                probe.cadence()
            };
            gap_at = Some((reference + held).max(removed_at));
        }
        covered_from = None;
        last = at;
    }
    let unproven = gap_at.map(|gap| gap.max(four));
    let newest = seen().next_back().map_or(removed_at, |s| s.at);
    match (first_warm, unproven) {
        (Some(warm), Some(gap)) if gap < warm => (gap, Basis::Unproven, None),
        (Some(warm), _) => (warm, Basis::TooWarm, None),
        (None, Some(gap)) => (gap, Basis::Unproven, None),
        (None, None) => (
            full,
            Basis::FullTime,
            Some(newest + probe.gap_limit() + INSTANT),
        ),
    }
}

/// A gap exists only once it is longer than the limit.
const INSTANT: Span = Span::from_micros(1);

/// The deadline as a label prints it: site-local time with its offset, RFC 3339.
///
/// The deadline itself is an instant, so a change of clocks in between neither adds nor takes an hour.
#[must_use]
pub fn label(discard_by: Timestamp, zone: Tz) -> String {
    discard_by.to_datetime().with_timezone(&zone).to_rfc3339()
}
