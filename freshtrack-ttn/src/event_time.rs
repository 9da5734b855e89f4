//! When something happened: whose clock is believed, and within which bounds.
//!
//! A device that never got the time says 2015 or 1970, and one whose clock ran away says next year. The
//! gates here are the only thing that keeps such a time out of the record.

use crate::canonical::{MeasuredAt, TimeSource};
use crate::event::{EventBody, LnsEvent};
use freshtrack_core::time::{Span, Timestamp};

/// A live frame's clock may be off by this much.
pub const LIVE_TOLERANCE: Span = Span::from_minutes(10);
/// Stored values may be this old.
pub const HISTORY_MAX: Span = Span::from_seconds(31 * 24 * 3_600);
/// Stored values may seem this far ahead.
pub const HISTORY_AHEAD: Span = Span::from_minutes(2);

/// Whether a device's own clock is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeviceClock {
    /// Within the gates.
    Trusted,
    /// Never.
    #[default]
    Ignored,
}

/// The time of a measurement, and whether it is known at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacedInTime {
    /// The event time; the message's time when nothing better is known.
    pub time: Timestamp,
    /// Whose clock it is.
    pub source: TimeSource,
    /// False for a stored value whose own time is missing or beyond the gates.
    pub known: bool,
}

/// The time of a message: the network server's, else the application side's, else our own.
#[must_use]
pub fn message_time(event: &LnsEvent, arrived_at: Timestamp) -> (Timestamp, TimeSource) {
    let network = match &event.body {
        EventBody::Uplink(frame) | EventBody::NormalizedCopy(frame) => frame.network_time,
        EventBody::Join(join) => join.accepted_at,
        EventBody::Downlink(_)
        | EventBody::QueueInvalidated(_)
        | EventBody::Location(_)
        | EventBody::Service(_)
        | EventBody::DeviceStatus(_)
        | EventBody::Log(_)
        | EventBody::Transmitted(_)
        | EventBody::Other => None,
    };
    match (network, event.received_at) {
        (Some(time), _) => (time.timestamp(), TimeSource::Network),
        (None, Some(time)) => (time.timestamp(), TimeSource::Application),
        (None, None) => (arrived_at, TimeSource::Arrival),
    }
}

/// Places one measurement; `registered_at` is when the device became known to us.
#[must_use]
pub fn place(
    at: MeasuredAt,
    message: (Timestamp, TimeSource),
    clock: DeviceClock,
    registered_at: Option<Timestamp>,
) -> PlacedInTime {
    let (received, source) = message;
    let device = |time| PlacedInTime {
        time,
        source: TimeSource::Device,
        known: true,
    };
    let believed = |time: Timestamp| (clock == DeviceClock::Trusted).then_some(time);
    match at {
        MeasuredAt::Frame => PlacedInTime {
            time: received,
            source,
            known: true,
        },
        MeasuredAt::Clock(time) => believed(time)
            .filter(|t| *t >= received - LIVE_TOLERANCE && *t <= received + LIVE_TOLERANCE)
            .map_or(
                PlacedInTime {
                    time: received,
                    source,
                    known: true,
                },
                device,
            ),
        MeasuredAt::Before(span) => PlacedInTime {
            time: received - span,
            source,
            known: true,
        },
        MeasuredAt::Stored(time) => time
            .and_then(believed)
            .filter(|t| *t >= received - HISTORY_MAX && *t <= received + HISTORY_AHEAD)
            .filter(|t| registered_at.is_none_or(|registered| *t >= registered))
            .map_or(
                PlacedInTime {
                    time: received,
                    source,
                    known: false,
                },
                device,
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: Timestamp = Timestamp::from_seconds(1_773_470_469);
    const MESSAGE: (Timestamp, TimeSource) = (RECEIVED, TimeSource::Network);

    fn placed(at: MeasuredAt, registered: Option<Timestamp>) -> (Timestamp, bool) {
        let placed = place(at, MESSAGE, DeviceClock::Trusted, registered);
        (placed.time, placed.known)
    }

    #[test]
    fn a_live_clock_is_believed_within_ten_minutes() {
        let near = RECEIVED - Span::from_minutes(10);
        assert_eq!(placed(MeasuredAt::Clock(near), None), (near, true));
        let far = near - Span::from_micros(1);
        assert_eq!(placed(MeasuredAt::Clock(far), None), (RECEIVED, true));
        let ignored = place(MeasuredAt::Clock(near), MESSAGE, DeviceClock::Ignored, None);
        assert_eq!((ignored.time, ignored.source), MESSAGE);
    }

    #[test]
    fn history_lies_between_a_month_and_two_minutes_and_after_registration() {
        let stored = |t| MeasuredAt::Stored(Some(t));
        let oldest = RECEIVED - HISTORY_MAX;
        assert_eq!(placed(stored(oldest), None), (oldest, true));
        assert_eq!(
            placed(stored(oldest - Span::from_micros(1)), None),
            (RECEIVED, false)
        );
        let newest = RECEIVED + HISTORY_AHEAD;
        assert_eq!(placed(stored(newest), None), (newest, true));
        assert_eq!(
            placed(stored(newest + Span::from_micros(1)), None),
            (RECEIVED, false)
        );
        assert_eq!(placed(stored(oldest), Some(RECEIVED)), (RECEIVED, false));
        assert_eq!(placed(MeasuredAt::Stored(None), None), (RECEIVED, false));
    }
}
