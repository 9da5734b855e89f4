//! How often: five cron fields in an IANA zone, or every so long.
//!
//! The fields are searched on the local calendar alone and then placed on the time line, which gives
//! the two rules that a search over instants gets wrong: a local time inside a DST gap fires at the
//! first valid instant after it, an ambiguous one fires the first time only.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use freshtrack_core::time::{Span, Timestamp};
use std::fmt;

/// Local times looked at before giving up; an hour set back holds 60 of them.
const CANDIDATES_MAX: usize = 3_000;

/// Shortest interval of an `every` cadence.
const EVERY_MIN: Span = Span::from_seconds(1);

/// A schedule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchedule {
    /// Not a zone of the IANA database.
    #[error("unknown time zone")]
    Zone,
    /// Not five cron fields.
    #[error("not a cron expression of five fields")]
    Cron,
    /// An interval under a second.
    #[error("interval is shorter than a second")]
    Every,
    /// The expression names no instant that will ever come.
    #[error("the schedule never fires again")]
    Never,
}

/// A zone of the IANA database, checked when it was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of that name.
    ///
    /// # Errors
    /// [`InvalidSchedule::Zone`] if there is none.
    pub fn new(name: &str) -> Result<Self, InvalidSchedule> {
        name.parse().map(Self).map_err(|_| InvalidSchedule::Zone)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

/// How often a schedule fires.
#[derive(Clone, PartialEq, Eq)]
pub enum Cadence {
    /// Five cron fields, as they were written and as they were understood.
    Cron {
        /// The five fields.
        fields: String,
        /// The same, parsed.
        parsed: Box<Cron>,
    },
    /// At whole multiples of this interval since 1970.
    Every(Span),
}

impl Cadence {
    /// Five cron fields: minute, hour, day of month, month, day of week.
    ///
    /// # Errors
    /// [`InvalidSchedule::Cron`] if they are not five, or one is malformed.
    pub fn cron(fields: &str) -> Result<Self, InvalidSchedule> {
        if fields.split_whitespace().count() != 5 || fields.contains('@') || fields.len() > 100 {
            return Err(InvalidSchedule::Cron);
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let parsed = parser.parse(fields).map_err(|_| InvalidSchedule::Cron)?;
        Ok(Self::Cron {
            fields: fields.to_owned(),
            parsed: Box::new(parsed),
        })
    }

    /// Every `interval`.
    ///
    /// # Errors
    /// [`InvalidSchedule::Every`] if it is shorter than a second.
    pub fn every(interval: Span) -> Result<Self, InvalidSchedule> {
        if interval < EVERY_MIN {
            Err(InvalidSchedule::Every)
        } else {
            Ok(Self::Every(interval))
        }
    }

    /// How it is stored: the five fields, or `@every <micros>`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Cron { fields, .. } => fields.clone(),
            Self::Every(interval) => format!("@every {}", interval.as_micros()),
        }
    }

    /// Reads [`Cadence::to_text`] back.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        match text.strip_prefix("@every ") {
            Some(micros) => Self::every(Span::from_micros(
                micros.parse().map_err(|_| InvalidSchedule::Every)?,
            )),
            None => Self::cron(text),
        }
    }

    /// The first instant strictly after `after`.
    ///
    /// # Errors
    /// [`InvalidSchedule::Never`] if none will come.
    pub fn next_after(&self, zone: &Zone, after: Timestamp) -> Result<Timestamp, InvalidSchedule> {
        match self {
            Self::Every(interval) => {
                let step = interval.as_micros();
                let passed = after.as_micros().div_euclid(step);
                Ok(Timestamp::from_micros((passed + 1).saturating_mul(step)))
            }
            Self::Cron { parsed, .. } => next_cron(parsed, zone.0, after),
        }
    }
}

impl fmt::Debug for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cadence({})", self.to_text())
    }
}

fn next_cron(cron: &Cron, zone: Tz, after: Timestamp) -> Result<Timestamp, InvalidSchedule> {
    // One day back: a zone set back by hours repeats local times that lie before `after`'s.
    let mut local = after.to_datetime().with_timezone(&zone).naive_local() - Duration::minutes(1);
    for _ in 0..CANDIDATES_MAX {
        // The calendar without zones: croner sees a time line on which nothing is skipped or doubled.
        let found: DateTime<Utc> = cron
            .find_next_occurrence(&Utc.from_utc_datetime(&local), false)
            .map_err(|_| InvalidSchedule::Never)?;
        local = found.naive_utc();
        if let Some(instant) = place(zone, local)
            && instant > after
        {
            return Ok(instant);
        }
    }
    Err(InvalidSchedule::Never)
}

/// The instant at which a local time is due; none if its whole day does not exist in the zone.
fn place(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(micros(&instant)),
        LocalResult::None => {
            let end = end_of_gap(zone, local);
            let day_exists = day_exists(zone, local);
            day_exists.then_some(end)
        }
    }
}

/// The first instant after the gap that swallows `local`, to the second.
fn end_of_gap(zone: Tz, local: NaiveDateTime) -> Timestamp {
    let local_at = |utc: i64| {
        DateTime::from_timestamp(utc, 0)
            .unwrap_or_default()
            .with_timezone(&zone)
            .naive_local()
    };
    // No zone is further from UTC than 15 hours, so the transition lies between these.
    let (mut before, mut beyond) = (
        local.and_utc().timestamp() - 15 * 3_600,
        local.and_utc().timestamp() + 15 * 3_600,
    );
    while beyond - before > 1 {
        let middle = before + (beyond - before) / 2;
        if local_at(middle) < local {
            before = middle;
        } else {
            beyond = middle;
        }
    }
    Timestamp::from_seconds(beyond)
}

/// Whether any part of that local day happens: a zone that crossed the date line left one out.
fn day_exists(zone: Tz, local: NaiveDateTime) -> bool {
    let midnight = local.date().and_time(NaiveTime::MIN);
    (0..96).any(|quarter| {
        let probe = midnight + Duration::minutes(15 * quarter);
        !matches!(zone.from_local_datetime(&probe), LocalResult::None)
    })
}

fn micros(instant: &DateTime<Tz>) -> Timestamp {
    Timestamp::from_micros(instant.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike as _, NaiveDate};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next(fields: &str, zone: &str, after: &str) -> String {
        Cadence::cron(fields)
            .unwrap()
            .next_after(&Zone::new(zone).unwrap(), at(after))
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_local_time_in_the_gap_fires_at_the_first_valid_instant_after_it() {
        // Vienna, 2026-03-29: 02:00 → 03:00 at 01:00Z
        let fired = next("30 2 * * *", "Europe/Vienna", "2026-03-28T12:00:00Z");
        assert_eq!(fired, "2026-03-29T01:00:00Z");
        assert_eq!(
            next("30 2 * * *", "Europe/Vienna", &fired),
            "2026-03-30T00:30:00Z"
        );
    }

    #[test]
    fn an_ambiguous_local_time_fires_the_first_time_only() {
        // Vienna, 2026-10-25: 03:00 → 02:00 at 01:00Z
        let fired = next("30 2 * * *", "Europe/Vienna", "2026-10-24T12:00:00Z");
        assert_eq!(fired, "2026-10-25T00:30:00Z");
        assert_eq!(
            next("30 2 * * *", "Europe/Vienna", &fired),
            "2026-10-26T01:30:00Z"
        );
        // asked from inside the second passing of the hour
        assert_eq!(
            next("*/15 * * * *", "Europe/Vienna", "2026-10-25T01:20:00Z"),
            "2026-10-25T02:00:00Z"
        );
    }

    #[test]
    fn gaps_at_midnight_and_of_half_hours_are_understood() {
        // Santiago skips 00:00 → 01:00; Lord Howe moves by half an hour
        assert_eq!(
            next("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z"),
            "2026-09-06T04:00:00Z"
        );
        assert_eq!(
            next("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
            "2026-10-03T15:30:00Z"
        );
    }

    #[test]
    fn a_day_the_zone_left_out_fires_nothing() {
        // Apia had no 2011-12-30
        let fired = next("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z");
        assert_eq!(fired, "2011-12-29T19:00:00Z");
        assert_eq!(
            next("0 9 * * *", "Pacific/Apia", &fired),
            "2011-12-30T19:00:00Z"
        );
    }

    #[test]
    fn only_five_fields_and_known_zones_are_taken() {
        for bad in [
            "* * * *",
            "0 * * * * *",
            "@daily",
            "61 * * * *",
            "",
            "a b c d e",
            "0 0 0 0 0",
        ] {
            assert!(Cadence::cron(bad).is_err(), "{bad}");
        }
        assert_eq!(Zone::new("Europe/Wien"), Err(InvalidSchedule::Zone));
        assert_eq!(
            Cadence::every(Span::from_micros(5)).unwrap_err(),
            InvalidSchedule::Every
        );
        let leap = Cadence::cron("0 0 31 2 *").unwrap();
        assert_eq!(
            leap.next_after(&Zone::UTC, Timestamp::EPOCH),
            Err(InvalidSchedule::Never)
        );
    }

    #[test]
    fn cadences_read_back_as_written() {
        for text in ["0 2 * * 0", "@every 30000000"] {
            assert_eq!(Cadence::parse(text).unwrap().to_text(), text);
        }
    }

    /// Zones with every kind of change: both hemispheres, midnight, half an hour, none.
    const ZONES: [&str; 9] = [
        "Europe/Vienna",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Australia/Sydney",
        "Africa/Casablanca",
        "Asia/Kolkata",
        "America/St_Johns",
        "Asia/Beirut",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_local_day_of_three_years_has_exactly_one(
            zone in 0..ZONES.len(), year in 2021i32..2030, minute in 0u32..60, hour in 0u32..24,
        ) {
            let zone = Zone::new(ZONES[zone]).unwrap();
            let cadence = Cadence::cron(&format!("{minute} {hour} * * *")).unwrap();
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let begin = first.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() - 3 * 86_400;
            let mut now = Timestamp::from_seconds(begin);
            let mut days = BTreeMap::<NaiveDate, u32>::new();
            loop {
                let fired = cadence.next_after(&zone, now).unwrap();
                prop_assert!(fired > now);
                now = fired;
                let local = fired.to_datetime().with_timezone(&zone.0).naive_local();
                *days.entry(local.date()).or_default() += 1;
                if local.year() > year + 3 { break }
            }
            let mut day = first;
            while day.year() < year + 3 {
                prop_assert_eq!(days.get(&day), Some(&1), "{:?} {}", zone, day);
                day = day.succ_opt().unwrap();
            }
        }

        #[test]
        fn the_next_instant_does_not_depend_on_where_one_stands_before_it(
            zone in 0..ZONES.len(), start in 1_600_000_000i64..1_900_000_000, share in 0u32..1000,
        ) {
            let zone = Zone::new(ZONES[zone]).unwrap();
            let cadence = Cadence::cron("15 */2 * * *").unwrap();
            let after = Timestamp::from_seconds(start);
            let fired = cadence.next_after(&zone, after).unwrap();
            let between = after + Span::from_micros((fired - after).as_micros() / 1000 * i64::from(share));
            prop_assert_eq!(cadence.next_after(&zone, between).unwrap(), fired);
        }
    }
}
