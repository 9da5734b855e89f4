//! Slow drift: a unit that is a little worse every month, which no limit notices.
//!
//! Two baselines, because a moving one follows slow decay: a monitored household refrigerator rose from
//! about 40 °F to 48–50 °F daily mean in about eight months unseen. All thresholds are choices of this
//! project.

use freshtrack_core::temperature::Temperature;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

const HISTORY_DAYS: i32 = 60;
const COVERAGE_BASIS_POINTS_MIN: i64 = 7_500;
const CONSECUTIVE_DAYS: u8 = 3;
const SLIDING_RISE: i64 = 1_000;
const FIXED_RISE: i64 = 2_000;
const FIRST_DAYS: i32 = 30;
const TREND_REACH_DAYS: i64 = 30;
/// A median needs half of the days it is named after.
const RECENT_MIN: usize = 4;
const BASELINE_MIN: usize = 15;
const TREND_MIN: usize = 30;

/// Which baseline the last week has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advisory {
    /// Warmer by 1 °C than one to two months ago.
    Sliding,
    /// Warmer by 2 °C than after commissioning.
    Fixed,
    /// A Theil–Sen line over 60 days reaches the limit within 30 days.
    Trend,
}

/// Daily means of one unit, on a fixed UTC offset; storable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drift {
    /// (day since commissioning, mean in milli-°C), oldest first, at most 60 days back.
    #[serde(rename = "d")]
    days: VecDeque<(i32, i32)>,
    /// Means of the first 30 days, sorted.
    #[serde(rename = "f")]
    first: Vec<i32>,
    #[serde(rename = "s")]
    sliding_run: u8,
    #[serde(rename = "x")]
    fixed_run: u8,
    #[serde(rename = "t")]
    trend_run: u8,
}

impl Drift {
    /// Closes `day` (counted from commissioning, 0 first) and returns what it has shown for three days.
    ///
    /// A day with less than 75 % coverage does not count; `limit` is the unit's upper limit, if any. An
    /// advisory is returned once, on the third day.
    pub fn close_day(
        &mut self,
        day: i32,
        mean: Temperature,
        coverage_basis_points: i64,
        limit: Option<Temperature>,
    ) -> Vec<Advisory> {
        let newest = self.days.back().is_none_or(|(last, _)| day > *last);
        if coverage_basis_points < COVERAGE_BASIS_POINTS_MIN || !newest {
            return Vec::new();
        }
        let mean = mean.milli_celsius();
        self.days.push_back((day, mean));
        while self
            .days
            .front()
            .is_some_and(|(old, _)| *old <= day - HISTORY_DAYS)
        {
            self.days.pop_front();
        }
        if day < FIRST_DAYS {
            let place = self.first.partition_point(|other| *other < mean);
            self.first.insert(place, mean);
        }
        let sliding = self
            .rise_over_month_ago(day)
            .is_some_and(|rise| rise >= 2 * SLIDING_RISE);
        let fixed = self
            .rise_over_first(day)
            .is_some_and(|rise| rise >= 2 * FIXED_RISE);
        let trend = limit.is_some_and(|limit| self.trend_reaches(day, limit));
        let mut advisories = Vec::new();
        for (holds, run, advisory) in [
            (sliding, &mut self.sliding_run, Advisory::Sliding),
            (fixed, &mut self.fixed_run, Advisory::Fixed),
            (trend, &mut self.trend_run, Advisory::Trend),
        ] {
            *run = if holds { run.saturating_add(1) } else { 0 };
            if *run == CONSECUTIVE_DAYS {
                advisories.push(advisory);
            }
        }
        advisories
    }

    /// Twice the rise of the last week over days −59…−30.
    fn rise_over_month_ago(&self, day: i32) -> Option<i64> {
        Some(self.recent(day)? - self.median_of(day - 59, day - 30, BASELINE_MIN)?)
    }

    /// Twice the rise of the last week over the first 30 days, once those are over.
    fn rise_over_first(&self, day: i32) -> Option<i64> {
        let known = day >= FIRST_DAYS - 1 && self.first.len() >= BASELINE_MIN;
        known
            .then(|| twice_median(&self.first))
            .and_then(|first| Some(self.recent(day)? - first))
    }

    fn recent(&self, day: i32) -> Option<i64> {
        self.median_of(day - 6, day, RECENT_MIN)
    }

    fn median_of(&self, from: i32, to: i32, at_least: usize) -> Option<i64> {
        // The window must have passed in full, or its few days would stand for all.
        if from < 0 {
            return None;
        }
        let inside = self
            .days
            .iter()
            .filter(|(day, _)| (from..=to).contains(day));
        let mut means: Vec<i32> = inside.map(|(_, mean)| *mean).collect();
        means.sort_unstable();
        (means.len() >= at_least).then(|| twice_median(&means))
    }

    /// Theil–Sen: the median of all pairwise slopes, and of the intercepts it leaves.
    fn trend_reaches(&self, day: i32, limit: Temperature) -> bool {
        if self.days.len() < TREND_MIN {
            return false;
        }
        let points: Vec<(f64, f64)> = self
            .days
            .iter()
            .map(|(day, mean)| (f64::from(*day), f64::from(*mean)))
            .collect();
        let pairs = points.iter().enumerate();
        let mut slopes: Vec<f64> = pairs
            .flat_map(|(i, a)| {
                points[i + 1..]
                    .iter()
                    .map(move |b| (b.1 - a.1) / (b.0 - a.0))
            })
            .collect();
        let slope = middle(&mut slopes);
        let mut levels: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
        let level = middle(&mut levels);
        let limit = f64::from(limit.milli_celsius());
        let at = |day: i64| i32::try_from(day).map_or(level, |day| level + slope * f64::from(day));
        slope > 0.0 && at(i64::from(day)) < limit && at(i64::from(day) + TREND_REACH_DAYS) >= limit
    }
}

/// Twice the median of a sorted list, so that it is a whole number.
fn twice_median(sorted: &[i32]) -> i64 {
    let half = sorted.len() / 2;
    let upper = sorted.get(half).copied().unwrap_or_default();
    let lower = if sorted.len().is_multiple_of(2) {
        half.checked_sub(1)
    } else {
        Some(half)
    };
    let lower = lower
        .and_then(|index| sorted.get(index))
        .copied()
        .unwrap_or_default();
    i64::from(lower) + i64::from(upper)
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half).copied().unwrap_or_default();
    if !values.len().is_multiple_of(2) {
        return upper;
    }
    half.checked_sub(1)
        .and_then(|i| values.get(i))
        .map_or(upper, |lower| f64::midpoint(*lower, upper))
}
