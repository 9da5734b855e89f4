//! The history as a slower sensor would have sent it.

use crate::step::Observation;
use freshtrack_core::time::Span;

/// `history` with a temperature at most every `stretch`.
///
/// It is the newest at or before each instant of a grid that starts with the first reading, sent at that
/// instant. One that is a whole stretch old is not sent, so a gap stays one. Door reports stay as they
/// are.
#[must_use]
pub fn resample(history: &[Observation], stretch: Span) -> Vec<Observation> {
    let readings: Vec<&Observation> = history
        .iter()
        .filter(|observation| observation.temperature.is_some())
        .collect();
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return history.to_vec();
    };
    if stretch <= Span::ZERO {
        return history.to_vec();
    }
    let doors = history.iter().filter(|o| o.temperature.is_none());
    let mut sampled: Vec<Observation> = doors.copied().collect();
    let mut due = first.recorded_at;
    let mut next = 0;
    while due <= last.recorded_at {
        next += readings[next..].partition_point(|o| o.recorded_at <= due);
        let newest = next.checked_sub(1).map(|newest| readings[newest]);
        let fresh = newest.filter(|newest| due - newest.recorded_at < stretch);
        sampled.extend(fresh.map(|newest| Observation {
            recorded_at: due,
            ..*newest
        }));
        due = due + stretch;
    }
    sampled.sort_by_key(|observation| observation.recorded_at);
    sampled
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_core::reading::DoorState;
    use freshtrack_core::temperature::Temperature;
    use freshtrack_core::testkit::sample::at;

    #[test]
    fn the_newest_value_of_each_stretch_is_sent_and_a_gap_stays_one() {
        let reading = |minute: i64, milli| {
            Observation::temperature(at(minute * 60), Temperature::from_milli_celsius(milli))
        };
        let history = [
            reading(0, 0),
            reading(4, 4),
            Observation::door(at(270), DoorState::Open),
            reading(6, 6),
            reading(30, 30),
            reading(34, 34),
        ];
        let sent = resample(&history, Span::from_minutes(5));
        let told: Vec<_> = sent
            .iter()
            .map(|o| {
                (
                    (o.recorded_at - at(0)).as_seconds() / 60,
                    o.temperature.map(Temperature::milli_celsius),
                )
            })
            .collect();
        let expected = [
            (0, Some(0)),
            (4, None),
            (5, Some(4)),
            (10, Some(6)),
            (30, Some(30)),
        ];
        assert_eq!(told, expected);
        assert_eq!(resample(&history, Span::ZERO), history);
        assert_eq!(
            resample(&sent, Span::from_minutes(5)),
            sent,
            "twice is once"
        );
    }
}
