//! Quiet hours: when a message that is not critical waits until morning, on the wall of the site.

use chrono::{DateTime, Days, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Minutes of a day at which no quiet hour can begin or end any more.
const DAY_MINUTES: u16 = 24 * 60;

/// A daily window in site-local time: start inclusive, end exclusive, over midnight if the end is
/// earlier, none at all if they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// Minute of the day, below 1,440.
    pub start_minute: u16,
    /// Minute of the day, below 1,440.
    pub end_minute: u16,
}

impl QuietHours {
    /// When the quiet that lies over `now` ends; nothing if there is none.
    ///
    /// An end that the clocks skip is the first instant after the gap; one that they show twice is the
    /// first that is still to come.
    #[must_use]
    pub fn end_after(&self, now: Timestamp, zone: Tz) -> Option<Timestamp> {
        let local = now.to_datetime().with_timezone(&zone);
        let minute = u16::try_from(local.hour() * 60 + local.minute()).ok()?;
        let (start, end) = (self.start_minute, self.end_minute);
        let tomorrow = match start.cmp(&end) {
            Ordering::Less if (start..end).contains(&minute) => false,
            Ordering::Greater if minute >= start => true,
            Ordering::Greater if minute < end => false,
            Ordering::Less | Ordering::Greater | Ordering::Equal => return None,
        };
        let day = local.date_naive();
        let day = if tomorrow {
            day.checked_add_days(Days::new(1))?
        } else {
            day
        };
        let end = end.min(DAY_MINUTES - 1);
        let wall = day.and_hms_opt(u32::from(end / 60), u32::from(end % 60), 0)?;
        first_instant(wall, now, zone)
    }
}

fn first_instant(mut wall: NaiveDateTime, now: Timestamp, zone: Tz) -> Option<Timestamp> {
    let instant = |at: DateTime<Tz>| Timestamp::from_micros(at.timestamp_micros());
    // no gap is longer than a day
    for _ in 0..DAY_MINUTES {
        match zone.from_local_datetime(&wall) {
            LocalResult::Single(at) => return Some(instant(at)),
            LocalResult::Ambiguous(first, second) => {
                let first = instant(first);
                return Some(if first > now { first } else { instant(second) });
            }
            LocalResult::None => wall = wall.checked_add_signed(TimeDelta::minutes(1))?,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::New_York;

    fn end(hours: (u16, u16), now: &str) -> Option<String> {
        let hours = QuietHours {
            start_minute: hours.0,
            end_minute: hours.1,
        };
        let end = hours.end_after(now.parse().unwrap(), New_York);
        end.map(|end| end.to_string())
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_site() {
        let night = (22 * 60, 6 * 60);
        let morning = Some("2026-03-03T11:00:00Z".to_owned());
        assert_eq!(end(night, "2026-03-02T23:00:00-05:00"), morning);
        assert_eq!(end(night, "2026-03-03T05:59:59-05:00"), morning);
        assert_eq!(
            end(night, "2026-03-02T22:00:00-05:00"),
            morning,
            "start is inside"
        );
        assert_eq!(
            end(night, "2026-03-03T06:00:00-05:00"),
            None,
            "end is outside"
        );
        assert_eq!(end(night, "2026-03-02T21:59:59-05:00"), None);
    }

    #[test]
    fn a_window_of_no_length_is_none() {
        assert_eq!(end((360, 360), "2026-03-02T06:00:00-05:00"), None);
    }

    #[test]
    fn an_end_that_the_clocks_skip_is_the_first_instant_after() {
        // on 8 March 2026, 02:30 does not exist in New York
        let hours = (60, 150);
        let end = end(hours, "2026-03-08T01:15:00-05:00");
        assert_eq!(end, Some("2026-03-08T07:00:00Z".to_owned()));
    }

    #[test]
    fn an_end_that_the_clocks_show_twice_lies_ahead() {
        // on 1 November 2026, 01:30 comes twice in New York: at 05:30 and 06:30 UTC
        let hours = (0, 90);
        let first = end(hours, "2026-11-01T05:10:00Z");
        assert_eq!(first, Some("2026-11-01T05:30:00Z".to_owned()));
        let second = end(hours, "2026-11-01T06:10:00Z");
        assert_eq!(second, Some("2026-11-01T06:30:00Z".to_owned()));
    }
}
