//! From an event to canonical readings: which codec speaks, and what becomes of what it says.
//!
//! Pure: the same event, policy and script always give the same readings, so a stored message can be
//! decoded again at any time.

mod place;
mod policy;
mod source;

pub use policy::{DecodeMode, DecodePolicy, DoorPolarity, RoleLimits};
pub use source::Disagreement;

use crate::canonical::{CanonicalReading, DecodedBy, Fact, QuarantineReason};
use crate::codec::Codec;
use crate::event::{EventBody, LnsEvent};
use crate::event_time::message_time;
use crate::mapping::Proposal;
use crate::uplink::{Payload, UplinkFrame};
use freshtrack_core::time::Timestamp;

/// What one event says: readings, and everything else worth keeping.
#[derive(Clone, PartialEq, Debug)]
pub struct DecodedEvent {
    /// Readings in the order of the frame; `index` counts from 0.
    pub readings: Vec<CanonicalReading>,
    /// Who read them; `None` when nobody did.
    pub decoded_by: Option<DecodedBy>,
    /// Proof of life and radio quality; present for every event about a device.
    pub contact: DeviceContact,
    /// What the device said about itself.
    pub facts: Vec<Fact>,
    /// Warnings of codecs and of this decoder, for a person.
    pub warnings: Vec<String>,
    /// Fields that look like a door or a leak, for a person to confirm.
    pub proposals: Vec<Proposal>,
    /// Where our codec and the network's disagree, in mode `compare`.
    pub disagreements: Vec<Disagreement>,
    /// The frame can carry keys of the device: its raw copy must be erased, and is never logged.
    pub erase_raw: bool,
    /// Why it must be set aside, if it must. Readings beside a reason must not be ingested.
    pub quarantine: Option<QuarantineReason>,
}

/// A sign of life of a device.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceContact {
    /// When it was heard.
    pub at: Timestamp,
    /// It was an uplink: something the device itself sent.
    pub heard: bool,
    /// Best strength over all gateways, dBm.
    pub rssi_dbm: Option<f64>,
    /// Best signal to noise ratio over all gateways, dB.
    pub snr_db: Option<f64>,
    /// How many gateways heard it.
    pub gateways: usize,
    /// Session and frame counter, for gaps and resets.
    pub counter: Option<(Vec<u8>, u64)>,
}

/// Decodes one event by the device's policy; never fails, because a message is never refused here.
///
/// `script` is the tenant's own formatter for this device, if it has one.
#[must_use]
pub fn decode_event(
    event: &LnsEvent,
    arrived_at: Timestamp,
    policy: &DecodePolicy,
    script: Option<&dyn Codec>,
) -> DecodedEvent {
    let message = message_time(event, arrived_at);
    let mut decoded = DecodedEvent {
        readings: Vec::new(),
        decoded_by: None,
        contact: contact(event, message.0),
        facts: Vec::new(),
        warnings: Vec::new(),
        proposals: Vec::new(),
        disagreements: Vec::new(),
        erase_raw: false,
        quarantine: None,
    };
    match &event.body {
        EventBody::Uplink(frame) => {
            decode_frame(event, frame, message, policy, script, &mut decoded);
        }
        EventBody::Other => decoded.quarantine = Some(QuarantineReason::UnknownEvent),
        EventBody::NormalizedCopy(_)
        | EventBody::Join(_)
        | EventBody::Downlink(_)
        | EventBody::QueueInvalidated(_)
        | EventBody::Location(_)
        | EventBody::Service(_)
        | EventBody::DeviceStatus(_)
        | EventBody::Log(_)
        | EventBody::Transmitted(_) => decoded.quarantine = Some(QuarantineReason::NotAnUplink),
    }
    decoded
}

fn decode_frame(
    event: &LnsEvent,
    frame: &UplinkFrame,
    message: (Timestamp, crate::canonical::TimeSource),
    policy: &DecodePolicy,
    script: Option<&dyn Codec>,
    into: &mut DecodedEvent,
) {
    into.warnings.extend(frame.network_warnings.iter().cloned());
    if matches!(frame.payload, Payload::Encrypted(_)) {
        into.quarantine = Some(QuarantineReason::Encrypted);
        return;
    }
    if policy.mode == DecodeMode::Off {
        return;
    }
    let chosen = source::choose(frame, message.0, policy, script);
    into.warnings.extend(chosen.notes);
    into.disagreements = chosen.disagreements;
    into.proposals = chosen.proposals;
    let Some((decoded, by)) = chosen.decoded else {
        // a frame without payload proves the device alive and is no error
        if frame.payload != Payload::Absent {
            into.quarantine = Some(QuarantineReason::Undecodable);
        }
        return;
    };
    if decoded.wrong_model {
        into.quarantine = Some(QuarantineReason::WrongModel);
    }
    into.erase_raw = decoded.sensitive;
    into.warnings.extend(decoded.warnings);
    into.facts = decoded.facts;
    into.readings = place::place_all(decoded.measurements, event, message, policy, &by);
    into.decoded_by = Some(by);
}

fn contact(event: &LnsEvent, at: Timestamp) -> DeviceContact {
    let quiet = DeviceContact {
        at,
        heard: false,
        rssi_dbm: None,
        snr_db: None,
        gateways: 0,
        counter: None,
    };
    match &event.body {
        EventBody::Uplink(frame) => DeviceContact {
            heard: true,
            rssi_dbm: frame.radio.best_rssi_dbm(),
            snr_db: frame.radio.best_snr_db(),
            gateways: frame.radio.gateways(),
            counter: Some((frame.session.clone(), frame.counter)),
            ..quiet
        },
        EventBody::Join(_) => DeviceContact {
            heard: true,
            ..quiet
        },
        EventBody::NormalizedCopy(_)
        | EventBody::Downlink(_)
        | EventBody::QueueInvalidated(_)
        | EventBody::Location(_)
        | EventBody::Service(_)
        | EventBody::DeviceStatus(_)
        | EventBody::Log(_)
        | EventBody::Transmitted(_)
        | EventBody::Other => quiet,
    }
}
