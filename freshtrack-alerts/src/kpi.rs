//! How much alarm people get: figures over alert rows, per recipient and per organization.
//!
//! A person is flooded, not a sensor; so the rows given are those one recipient was told of, or all of
//! an organization. Rates are also told as a distribution over windows of ten minutes, because averages
//! hide floods.
//!
//! **Source:** ISA-18.2 and IEC 62682 as read in secondary texts.

use crate::alert::{Alert, AlertKey, Severity};
use freshtrack_core::ids::UnitId;
use freshtrack_core::time::{Span, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// Length of a window of the rate.
pub const WINDOW: Span = Span::from_minutes(10);
/// A source that raises this often in a minute chatters.
pub const CHATTER_RAISES: usize = 3;
/// An alert that is open longer than this is stale.
pub const STALE_AFTER: Span = Span::from_minutes(24 * 60);
/// Most sources that are listed.
pub const TOP_SOURCES: usize = 10;

/// What raises alerts: a unit, and what is wrong with it.
pub type Source = (UnitId, AlertKey);

/// Alarms in windows of ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Median window.
    pub p50: u32,
    /// 95th percentile: the smallest count that at least 95 % of windows do not exceed.
    pub p95: u32,
    /// Fullest window.
    pub max: u32,
}

/// How alerts are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriorityMix {
    /// Raised as, or risen to, info.
    pub info: u32,
    /// … warning.
    pub warning: u32,
    /// … critical.
    pub critical: u32,
}

/// The figures of one recipient or organization.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kpis {
    /// Alerts raised in the period.
    pub raised: u32,
    /// Windows of ten minutes the period was divided into, the last one perhaps shorter.
    pub windows: u32,
    /// Raises per window.
    pub rate: Rate,
    /// Sources that raised three times within a minute, worst first.
    pub chattering: Vec<Source>,
    /// Alerts open for more than 24 hours at some instant of the period.
    pub stale: u32,
    /// Sources with the most raises, and how many.
    pub top_sources: Vec<(Source, u32)>,
    /// Severities as they are at the end.
    pub mix: PriorityMix,
}

/// The figures over `[from, to)` of the alerts given, which may be in any order and of any time; each
/// alert must be given once. An empty period has no figures.
#[must_use]
pub fn kpis(alerts: &[Alert], from: Timestamp, to: Timestamp) -> Kpis {
    if from >= to {
        return Kpis::default();
    }
    let raised: Vec<&Alert> = alerts
        .iter()
        .filter(|alert| (from..to).contains(&alert.raised_at))
        .collect();
    let counts = windows(&raised, from, to);
    Kpis {
        raised: count(raised.len()),
        windows: count(counts.len()),
        rate: rate(counts),
        chattering: chattering(&raised),
        stale: count(
            alerts
                .iter()
                .filter(|alert| is_stale(alert, from, to))
                .count(),
        ),
        top_sources: top_sources(&raised),
        mix: mix(&raised),
    }
}

/// The figures of each recipient: whoever `recipients` says was told of an alert.
#[must_use]
pub fn per_recipient<R: Ord, I: IntoIterator<Item = R>>(
    alerts: &[Alert],
    recipients: impl Fn(&Alert) -> I,
    from: Timestamp,
    to: Timestamp,
) -> BTreeMap<R, Kpis> {
    let mut told: BTreeMap<R, Vec<Alert>> = BTreeMap::new();
    for alert in alerts {
        for recipient in recipients(alert) {
            told.entry(recipient).or_default().push(alert.clone());
        }
    }
    told.into_iter()
        .map(|(recipient, alerts)| (recipient, kpis(&alerts, from, to)))
        .collect()
}

/// A distribution of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Median.
    pub p50: Span,
    /// 95th percentile: the shortest time that at least 95 % do not exceed.
    pub p95: Span,
}

/// From the raising of each alert to somebody's taking it; nothing if none was taken. An
/// acknowledgement that lapsed does not count.
#[must_use]
pub fn acknowledged_after(alerts: &[Alert]) -> Option<Percentiles> {
    let taken = |alert: &Alert| Some(alert.acknowledged.as_ref()?.at - alert.raised_at);
    percentiles(alerts.iter().filter_map(taken).collect())
}

/// From the raising of each alert to its end; nothing if none is over.
#[must_use]
pub fn resolved_after(alerts: &[Alert]) -> Option<Percentiles> {
    let closed = |alert: &Alert| Some(alert.resolved.as_ref()?.at - alert.raised_at);
    percentiles(alerts.iter().filter_map(closed).collect())
}

fn percentiles(mut times: Vec<Span>) -> Option<Percentiles> {
    times.sort_unstable();
    Some(Percentiles {
        p50: nearest_rank(&times, 50)?,
        p95: nearest_rank(&times, 95)?,
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn windows(raised: &[&Alert], from: Timestamp, to: Timestamp) -> Vec<u32> {
    let index = |at: Timestamp| (at - from).as_micros() / WINDOW.as_micros();
    let last = index(Timestamp::from_micros(to.as_micros() - 1));
    let mut counts = vec![0; usize::try_from(last + 1).unwrap_or(0)];
    for alert in raised {
        let slot = usize::try_from(index(alert.raised_at)).ok();
        if let Some(count) = slot.and_then(|slot| counts.get_mut(slot)) {
            *count += 1;
        }
    }
    counts
}

/// Nearest rank: the smallest value that `percent` of all do not exceed.
pub(crate) fn nearest_rank<T: Ord + Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn rate(mut counts: Vec<u32>) -> Rate {
    counts.sort_unstable();
    let at = |percent| nearest_rank(&counts, percent).unwrap_or(0);
    Rate {
        p50: at(50),
        p95: at(95),
        max: at(100),
    }
}

fn by_source(raised: &[&Alert]) -> BTreeMap<Source, Vec<Timestamp>> {
    let mut sources: BTreeMap<Source, Vec<Timestamp>> = BTreeMap::new();
    for alert in raised {
        let source = (alert.unit, alert.key);
        sources.entry(source).or_default().push(alert.raised_at);
    }
    for raises in sources.values_mut() {
        raises.sort_unstable();
    }
    sources
}

fn chattering(raised: &[&Alert]) -> Vec<Source> {
    let mut found: Vec<(usize, Source)> = Vec::new();
    for (source, raises) in by_source(raised) {
        let mut minute: VecDeque<Timestamp> = VecDeque::new();
        let mut worst = 0;
        for at in raises {
            minute.push_back(at);
            while minute
                .front()
                .is_some_and(|first| at - *first >= Span::from_minutes(1))
            {
                minute.pop_front();
            }
            worst = worst.max(minute.len());
        }
        if worst >= CHATTER_RAISES {
            found.push((worst, source));
        }
    }
    found.sort_by_key(|(worst, source)| (Reverse(*worst), *source));
    found.into_iter().map(|(_, source)| source).collect()
}

fn top_sources(raised: &[&Alert]) -> Vec<(Source, u32)> {
    let mut sources: Vec<(Source, u32)> = by_source(raised)
        .into_iter()
        .map(|(source, raises)| (source, count(raises.len())))
        .collect();
    sources.sort_by_key(|(source, raises)| (Reverse(*raises), *source));
    sources.truncate(TOP_SOURCES);
    sources
}

/// Whether the alert has been open for more than 24 hours at some instant of `[from, to)`.
fn is_stale(alert: &Alert, from: Timestamp, to: Timestamp) -> bool {
    let stale_from = (alert.raised_at + STALE_AFTER).max(from);
    let end = alert
        .resolved
        .as_ref()
        .map_or(to, |resolved| resolved.at.min(to));
    stale_from < end
}

fn mix(raised: &[&Alert]) -> PriorityMix {
    let mut mix = PriorityMix::default();
    for alert in raised {
        *match alert.severity {
            Severity::Info => &mut mix.info,
            Severity::Warning => &mut mix.warning,
            Severity::Critical => &mut mix.critical,
        } += 1;
    }
    mix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::sample;
    use freshtrack_core::testkit::sample::{Tenant, at};

    fn raised(tenant: &Tenant, seconds: i64) -> Alert {
        sample::alert(tenant, tenant.unit, seconds)
    }

    #[test]
    fn rates_are_counted_in_windows_of_ten_minutes() {
        let (tenant, _) = Tenant::new("kpi");
        let alerts = [0, 599, 600, 1_199, 1_199, 6_000, -1].map(|s| raised(&tenant, s));
        let figures = kpis(&alerts, at(0), at(6_000));
        assert_eq!((figures.raised, figures.windows), (5, 10));
        let rate = Rate {
            p50: 0,
            p95: 3,
            max: 3,
        };
        assert_eq!(figures.rate, rate);
        assert_eq!(kpis(&alerts, at(0), at(6_001)).windows, 11);
        assert_eq!(kpis(&alerts, at(5), at(5)), Kpis::default());
    }

    #[test]
    fn a_source_chatters_at_three_in_less_than_a_minute() {
        let (tenant, _) = Tenant::new("kpi");
        let source = (tenant.unit, raised(&tenant, 0).key);
        let of = |times: [i64; 3]| {
            let alerts = times.map(|s| raised(&tenant, s));
            kpis(&alerts, at(0), at(600)).chattering
        };
        assert_eq!(of([59, 0, 30]), [source]);
        assert_eq!(of([0, 30, 60]), []);
    }

    #[test]
    fn stale_is_what_is_open_for_more_than_a_day() {
        let (tenant, _) = Tenant::new("kpi");
        let day = 86_400;
        let open = raised(&tenant, 0);
        let stale =
            |alert: &Alert, from, to| kpis(std::slice::from_ref(alert), at(from), at(to)).stale;
        assert_eq!(stale(&open, 0, day), 0);
        assert_eq!(stale(&open, 0, day + 1), 1);
        let closed = sample::resolved(&open, day);
        assert_eq!(stale(&closed, 0, 3 * day), 0);
        let closed = sample::resolved(&open, 2 * day);
        assert_eq!(stale(&closed, day, 3 * day), 1);
        assert_eq!(stale(&closed, 2 * day, 3 * day), 0);
    }

    #[test]
    fn sources_severities_and_recipients_are_told_apart() {
        let (tenant, _) = Tenant::new("kpi");
        let mut alerts = Vec::new();
        for unit in 1..=12_u32 {
            let id: UnitId = tenant.id();
            for n in 0..unit {
                let mut alert = sample::alert(&tenant, id, i64::from(n) * 100);
                if n == 0 {
                    alert.severity = Severity::Critical;
                }
                alerts.push(alert);
            }
        }
        let figures = kpis(&alerts, at(0), at(10_000));
        assert_eq!(figures.raised, 78);
        let counts: Vec<u32> = figures.top_sources.iter().map(|(_, n)| *n).collect();
        assert_eq!(counts, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
        let mix = PriorityMix {
            info: 0,
            warning: 66,
            critical: 12,
        };
        assert_eq!(figures.mix, mix);
        let of = per_recipient(
            &alerts,
            |alert| match alert.severity {
                Severity::Critical => vec!["ann", "bob"],
                Severity::Info | Severity::Warning => vec!["ann"],
            },
            at(0),
            at(10_000),
        );
        assert_eq!((of["ann"].raised, of["bob"].raised), (78, 12));
    }

    #[test]
    fn times_are_told_of_those_that_came_to_it() {
        let (tenant, _) = Tenant::new("kpi");
        let open = raised(&tenant, 0);
        assert_eq!(resolved_after(std::slice::from_ref(&open)), None);
        let mut alerts: Vec<Alert> = (1..=20_i64)
            .map(|n| sample::resolved(&raised(&tenant, 100), 100 + n))
            .collect();
        alerts.push(open);
        let times = resolved_after(&alerts).expect("some are over");
        let seconds = |span: Span| span.as_seconds();
        assert_eq!((seconds(times.p50), seconds(times.p95)), (10, 19));
        assert_eq!(acknowledged_after(&alerts), None);
    }
}
