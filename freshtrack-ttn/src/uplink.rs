//! One frame from a device, and how well the network heard it.

use crate::event::Position;
use crate::lenient::NanoInstant;
use freshtrack_core::time::Span;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// One frame from a device.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UplinkFrame {
    /// The session the counter counts in; empty when the network left it out.
    pub session: Vec<u8>,
    /// Frame counter; absent on the wire means 0.
    pub counter: u64,
    /// Whether the message carried a counter at all.
    pub counter_given: bool,
    /// Application port; `None` when absent, which decoders treat as "not checked".
    pub port: Option<u8>,
    /// What the device sent.
    pub payload: Payload,
    /// What the network's own formatter made of it; `None` when absent or empty.
    pub network_decoded: Option<Value>,
    /// Warnings of that formatter.
    pub network_warnings: Vec<String>,
    /// The network's normalised measurements.
    pub normalized: Vec<Value>,
    /// How it was received.
    pub radio: RadioMeta,
    /// When the network server received it: the best time an event has without a device clock.
    pub network_time: Option<NanoInstant>,
    /// The device asked for a confirmation.
    pub confirmed: bool,
    /// Share of frames lost lately, 0 to 1.
    pub packet_error_rate: Option<f64>,
    /// What the network believes the hardware to be.
    pub hardware: HardwareVersion,
    /// Where the device was registered to be.
    pub position: Option<Position>,
}

/// The payload of a frame.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Payload {
    /// None: a frame of network commands only, or a field mask. Proves the device alive, nothing else.
    #[default]
    Absent,
    /// Clear bytes.
    Clear(Vec<u8>),
    /// The network does not hold the key: these bytes must not be decoded.
    Encrypted(Vec<u8>),
    /// The text was not base64.
    Malformed(String),
}

/// What the network believes the hardware to be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct HardwareVersion {
    /// Maker.
    pub brand: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Hardware revision.
    pub hardware: Option<String>,
    /// Firmware revision.
    pub firmware: Option<String>,
    /// Frequency plan.
    pub band: Option<String>,
}

/// Everything the gateways said about one frame.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct RadioMeta {
    /// One entry per antenna that heard it.
    pub receptions: Vec<Reception>,
    /// Carrier frequency.
    pub frequency_hz: Option<u64>,
    /// Modulation.
    pub data_rate: DataRate,
    /// Time on air.
    #[serde(skip)]
    pub airtime: Option<Span>,
}

/// One antenna that heard a frame.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Reception {
    /// The gateway's name; foreign gateways may all carry the same one.
    pub gateway: Option<String>,
    /// The foreign network that lent the gateway, if any.
    pub foreign_network: Option<String>,
    /// Received strength.
    pub rssi_dbm: f64,
    /// Signal to noise ratio.
    pub snr_db: f64,
}

/// Modulation of a frame.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataRate {
    /// `LoRa`.
    Lora {
        /// Bandwidth.
        bandwidth_hz: u64,
        /// Spreading factor.
        spreading_factor: u64,
        /// Such as `4/5`.
        coding_rate: Option<String>,
    },
    /// Frequency shift keying.
    Fsk {
        /// Bits per second.
        bit_rate: u64,
    },
    /// Long range frequency hopping.
    FrequencyHopping,
    /// Not said; usual for simulated frames.
    #[default]
    Unknown,
}

impl Payload {
    /// The bytes that may be decoded.
    #[must_use]
    pub fn clear(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(bytes) => Some(bytes),
            Self::Absent | Self::Encrypted(_) | Self::Malformed(_) => None,
        }
    }

    /// The bytes that identify the frame, whether or not they can be read.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        match self {
            Self::Absent => &[],
            Self::Clear(bytes) | Self::Encrypted(bytes) => bytes,
            Self::Malformed(text) => text.as_bytes(),
        }
    }
}

impl RadioMeta {
    /// The best strength over all gateways in dBm; the order of the list means nothing.
    #[must_use]
    pub fn best_rssi_dbm(&self) -> Option<f64> {
        best(self.receptions.iter().map(|r| r.rssi_dbm))
    }

    /// The best signal to noise ratio over all gateways in dB.
    #[must_use]
    pub fn best_snr_db(&self) -> Option<f64> {
        best(self.receptions.iter().map(|r| r.snr_db))
    }

    /// How many different gateways heard it; the antennas of one gateway count once.
    #[must_use]
    pub fn gateways(&self) -> usize {
        let identity = |r: &Reception| (r.gateway.clone(), r.foreign_network.clone());
        self.receptions
            .iter()
            .map(identity)
            .collect::<BTreeSet<_>>()
            .len()
    }
}

fn best(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|v| v.is_finite()).max_by(f64::total_cmp)
}

/// What the counter of a frame says about the frames before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CounterStep {
    /// Nothing to compare with, or a new session.
    NewSession,
    /// The next frame.
    Next,
    /// The same frame again.
    Repeated,
    /// This many frames are missing: a data gap in the record.
    Gap(u64),
    /// Went back inside a session: a reset, or an older frame arriving late. Accepted, and noted.
    WentBack,
}

impl CounterStep {
    /// Compares a frame with the last one known of its device.
    #[must_use]
    pub fn between(previous: Option<(&[u8], u64)>, session: &[u8], counter: u64) -> Self {
        match previous {
            Some((last_session, last)) if last_session == session => {
                match counter.checked_sub(last) {
                    Some(0) => Self::Repeated,
                    Some(1) => Self::Next,
                    Some(more) => Self::Gap(more - 1),
                    None => Self::WentBack,
                }
            }
            Some(_) | None => Self::NewSession,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_tell_gaps_resets_and_new_sessions_apart() {
        let step =
            |previous, session: &[u8], counter| CounterStep::between(previous, session, counter);
        assert_eq!(step(None, b"a", 7), CounterStep::NewSession);
        assert_eq!(step(Some((b"a", 7)), b"b", 0), CounterStep::NewSession);
        assert_eq!(step(Some((b"a", 7)), b"a", 8), CounterStep::Next);
        assert_eq!(step(Some((b"a", 7)), b"a", 7), CounterStep::Repeated);
        assert_eq!(step(Some((b"a", 7)), b"a", 11), CounterStep::Gap(3));
        assert_eq!(step(Some((b"a", 7)), b"a", 2), CounterStep::WentBack);
    }
}
