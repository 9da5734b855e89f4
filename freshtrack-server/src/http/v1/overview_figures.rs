//! The figures of an overview, and what may be concluded from them.

use freshtrack_alerts::food_safety::coverage::COVERAGE_PERCENT_MIN;
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitStatus};
use freshtrack_core::ids::UnitId;
use freshtrack_core::time::Span;
use freshtrack_core::wire_enum;
use std::collections::BTreeMap;

wire_enum! {
    /// State of the worst unit.
    OverviewState {
        /// Confirmed excursion.
        AlarmActive = "alarm_active",
        /// Out of range, unconfirmed.
        Excursion = "excursion",
        /// A person has to measure.
        ManualRequired = "manual_required",
        /// A sensor has been silent.
        MonitoringInterrupted = "monitoring_interrupted",
        /// A sensor is late.
        Offline = "offline",
        /// Back in range, not yet proven.
        Restoring = "restoring",
        /// Nothing is known to be wrong, but some unit is not observed.
        Unobserved = "unobserved",
        /// Every unit is in range and observed, or watched by people.
        Ok = "ok",
    }
}

wire_enum! {
    /// What 24 hours amount to.
    Day {
        /// Nothing out of range, and enough was observed to say so.
        Pass = "pass",
        /// Nothing out of range in too little observed time.
        Indeterminate = "indeterminate",
        /// Something was out of range.
        Fail = "fail",
    }
}

/// What was observed of a unit in 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Observed time.
    pub(super) observed: Span,
    /// The part of it out of range.
    pub(super) out: Span,
    /// Whether it is observed right now.
    pub(super) now: bool,
    /// Time in which it was to be watched.
    pub(super) window: Span,
}

impl Seen {
    /// A unit that is watched only since then owes no readings from before.
    pub(super) fn watched_for(&mut self, since: Span) {
        self.window = self.window.min(since.max(Span::ZERO)).max(self.observed);
    }
}

/// Order of urgency, as the displayed status has it.
pub(super) const fn rank(status: UnitStatus) -> OverviewState {
    match status {
        UnitStatus::AlarmActive => OverviewState::AlarmActive,
        UnitStatus::Excursion => OverviewState::Excursion,
        UnitStatus::ManualRequired => OverviewState::ManualRequired,
        UnitStatus::MonitoringInterrupted => OverviewState::MonitoringInterrupted,
        UnitStatus::Offline => OverviewState::Offline,
        UnitStatus::Restoring => OverviewState::Restoring,
        UnitStatus::Ok => OverviewState::Ok,
    }
}

/// Counts of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) worst: OverviewState,
    pub(super) safe: i64,
    pub(super) unobserved: i64,
    pub(super) manual: i64,
}

impl Figures {
    pub(super) fn of(units: &[Unit], seen: &BTreeMap<UnitId, Seen>) -> Self {
        let mut figures = Self {
            worst: OverviewState::Ok,
            safe: 0,
            unobserved: 0,
            manual: 0,
        };
        for unit in units {
            let observed = seen.get(&unit.id).is_some_and(|seen| seen.now);
            let mut state = rank(unit.status);
            if unit.monitoring_mode == MonitoringMode::Manual {
                figures.manual += 1;
            } else if !observed {
                figures.unobserved += 1;
                state = state.min(OverviewState::Unobserved);
            } else if state == OverviewState::Ok {
                figures.safe += 1;
            }
            figures.worst = figures.worst.min(state);
        }
        figures
    }
}

/// Coverage and compliance of some units; shares in hundredths of a percent, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayFigures {
    pub(super) coverage: Option<i64>,
    pub(super) in_range: Option<i64>,
    pub(super) verdict: Day,
    pub(super) without_data: i64,
    /// The unit with the least share in range, where one was out of range.
    pub(super) worst: Option<(UnitId, i64)>,
    /// The least covered unit.
    pub(super) least: Option<(UnitId, i64)>,
}

/// Sums up units, weighted by time; the verdict is that of the worst of them, not of the mean.
pub(super) fn day_of(units: &[(UnitId, Seen)]) -> DayFigures {
    let sum = |part: fn(&Seen) -> Span| {
        units
            .iter()
            .fold(Span::ZERO, |sum, (_, seen)| sum + part(seen))
    };
    let (observed, out, window) = (sum(|s| s.observed), sum(|s| s.out), sum(|s| s.window));
    let of_unit = |share_of: fn(&Seen) -> Option<i64>| {
        let shares = units
            .iter()
            .filter_map(move |(unit, seen)| Some((*unit, share_of(seen)?)));
        shares.min_by_key(|(_, share)| *share)
    };
    let least = of_unit(|seen| share(seen.observed, seen.window));
    let enough = least.is_some_and(|(_, coverage)| coverage >= COVERAGE_PERCENT_MIN * 100)
        && observed > Span::ZERO;
    DayFigures {
        coverage: share(observed, window),
        in_range: share(observed - out, observed),
        verdict: match (out > Span::ZERO, enough) {
            (true, _) => Day::Fail,
            (false, true) => Day::Pass,
            (false, false) => Day::Indeterminate,
        },
        without_data: i64::try_from(
            units
                .iter()
                .filter(|(_, seen)| seen.observed == Span::ZERO)
                .count(),
        )
        .unwrap_or(i64::MAX),
        worst: of_unit(|seen| share(seen.observed - seen.out, seen.observed))
            .filter(|_| out > Span::ZERO),
        least,
    }
}

fn share(part: Span, whole: Span) -> Option<i64> {
    let (part, whole) = (i128::from(part.as_micros()), i128::from(whole.as_micros()));
    (whole > 0)
        .then(|| i64::try_from(part * 10_000 / whole).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn unit(n: u128, observed: i64, out: i64, window: i64) -> (UnitId, Seen) {
        let seen = Seen {
            observed: Span::from_minutes(observed),
            out: Span::from_minutes(out),
            now: true,
            window: Span::from_minutes(window),
        };
        (UnitId::from_uuid(Uuid::from_u128(n)), seen)
    }

    #[test]
    fn nothing_observed_is_neither_compliant_nor_violated() {
        let day = day_of(&[unit(1, 0, 0, 1_440)]);
        assert_eq!((day.coverage, day.in_range), (Some(0), None));
        assert_eq!(day.verdict, Day::Indeterminate);
        assert_eq!(day.without_data, 1);
        let nobody = day_of(&[]);
        assert_eq!((nobody.coverage, nobody.in_range), (None, None));
        assert_eq!(nobody.verdict, Day::Indeterminate, "no unit, no proof");
    }

    #[test]
    fn one_badly_covered_unit_is_not_hidden_by_the_others() {
        let mut units: Vec<_> = (1..100).map(|n| unit(n, 1_440, 0, 1_440)).collect();
        assert_eq!(day_of(&units).verdict, Day::Pass);
        units.push(unit(100, 1_400, 0, 1_440));
        let day = day_of(&units);
        assert_eq!(day.verdict, Day::Indeterminate);
        assert_eq!(day.coverage, Some(9_997), "the mean looks fine");
        assert_eq!(day.least, Some((units[99].0, 9_722)));
    }

    #[test]
    fn the_share_in_range_is_of_the_observed_time_and_never_rounded_up() {
        let day = day_of(&[unit(1, 700, 0, 1_440), unit(2, 700, 1, 1_440)]);
        assert_eq!(day.in_range, Some(9_992));
        assert_eq!(day.coverage, Some(4_861));
        assert_eq!(day.verdict, Day::Fail);
        assert_eq!(day.worst.map(|(_, share)| share), Some(9_985));
    }

    #[test]
    fn a_unit_watched_since_an_hour_owes_an_hour() {
        let (_, mut seen) = unit(1, 59, 0, 1_440);
        seen.watched_for(Span::from_minutes(60));
        assert_eq!(seen.window, Span::from_minutes(60));
        seen.watched_for(Span::from_minutes(-5));
        assert_eq!(
            seen.window,
            Span::from_minutes(59),
            "never less than was seen"
        );
    }
}
