//! Which codec speaks for a frame.

use super::policy::{DecodeMode, DecodePolicy};
use crate::canonical::{Decoded, DecodedBy, MeasuredAt, Measurement, Probe, Quantity, Value};
use crate::codec::{Codec, CodecInput};
use crate::mapping::{Proposal, check_normalized, map_generic, map_normalized, map_profile};
use crate::uplink::UplinkFrame;
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::Timestamp;
use serde::Serialize;

/// Ours and the network's value of one field differ by more than 0.01.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Disagreement {
    /// Which probe.
    pub probe: Probe,
    /// Which quantity.
    pub quantity: Quantity,
    /// Our value.
    pub ours: Option<Value>,
    /// The network's.
    pub network: Option<Value>,
}

/// Two codecs agree up to here.
const TOLERANCE: f64 = 0.01;

/// What was chosen, and what was noticed on the way.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) decoded: Option<(Decoded, DecodedBy)>,
    pub(super) notes: Vec<String>,
    pub(super) proposals: Vec<Proposal>,
    pub(super) disagreements: Vec<Disagreement>,
}

/// Lets the codecs speak in the order of the policy; the first that understands the frame wins.
pub(super) fn choose(
    frame: &UplinkFrame,
    received_at: Timestamp,
    policy: &DecodePolicy,
    script: Option<&dyn Codec>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let network = network_fields(frame, policy, &mut chosen);
    if policy.mode == DecodeMode::PreferNetwork
        && let Some(decoded) = &network
        && !decoded.measurements.is_empty()
    {
        chosen.decoded = Some((decoded.clone(), DecodedBy::Network));
        return chosen;
    }
    let own = native(frame, policy, &mut chosen)
        .or_else(|| own_script(frame, received_at, policy, script, &mut chosen));
    if policy.mode == DecodeMode::Compare
        && let (Some((ours, _)), Some(theirs)) = (&own, &network)
    {
        chosen.disagreements = compare(ours, theirs);
    }
    let network = network.map(|decoded| (decoded, DecodedBy::Network));
    chosen.decoded = match (own, network) {
        (Some(own), _) => Some(own),
        (None, Some(network)) if !network.0.measurements.is_empty() => Some(network),
        (None, network) => cayenne(frame, policy).or(network),
    };
    chosen
}

#[cfg(feature = "native-codecs")]
fn native(
    frame: &UplinkFrame,
    policy: &DecodePolicy,
    chosen: &mut Chosen,
) -> Option<(Decoded, DecodedBy)> {
    let profile = policy.native.as_ref()?;
    let bytes = frame.payload.clear()?;
    match crate::codec::native::decode_native(profile, frame.port, bytes) {
        Ok(decoded) => Some((decoded, DecodedBy::Native(profile.family.to_string()))),
        Err(rejected) => {
            chosen.notes.push(format!("{}: {rejected}", profile.family));
            None
        }
    }
}

#[cfg(not(feature = "native-codecs"))]
fn native(_: &UplinkFrame, _: &DecodePolicy, _: &mut Chosen) -> Option<(Decoded, DecodedBy)> {
    None
}

#[cfg(feature = "cayenne")]
fn cayenne(frame: &UplinkFrame, policy: &DecodePolicy) -> Option<(Decoded, DecodedBy)> {
    let profile = policy.cayenne.as_ref()?;
    let bytes = frame.payload.clear()?;
    let decoded = crate::codec::cayenne::decode_cayenne(profile, bytes);
    Some((decoded, DecodedBy::Cayenne))
}

#[cfg(not(feature = "cayenne"))]
fn cayenne(_: &UplinkFrame, _: &DecodePolicy) -> Option<(Decoded, DecodedBy)> {
    None
}

fn own_script(
    frame: &UplinkFrame,
    received_at: Timestamp,
    policy: &DecodePolicy,
    script: Option<&dyn Codec>,
    chosen: &mut Chosen,
) -> Option<(Decoded, DecodedBy)> {
    let bytes = frame.payload.clear()?;
    let input = CodecInput {
        bytes,
        port: frame.port,
        received_at,
    };
    match script?.decode(&input) {
        Ok(output) => {
            chosen.notes.extend(output.warnings);
            let fields = map_fields(&output.data, policy, &mut chosen.proposals);
            let decoded = if fields.measurements.is_empty() {
                normalized(&output.normalized, chosen).unwrap_or(fields)
            } else {
                fields
            };
            Some((decoded, DecodedBy::Script))
        }
        Err(failure) => {
            chosen.notes.push(failure.to_string());
            None
        }
    }
}

/// The network's fields; where they give nothing, its normalised measurements.
fn network_fields(
    frame: &UplinkFrame,
    policy: &DecodePolicy,
    chosen: &mut Chosen,
) -> Option<Decoded> {
    let fields = frame
        .network_decoded
        .as_ref()
        .map(|data| map_fields(data, policy, &mut chosen.proposals));
    match fields {
        Some(fields) if !fields.measurements.is_empty() => Some(fields),
        Some(_) | None => normalized(&frame.normalized, chosen).or(fields),
    }
}

fn normalized(measurements: &[serde_json::Value], chosen: &mut Chosen) -> Option<Decoded> {
    if measurements.is_empty() {
        return None;
    }
    match check_normalized(measurements) {
        Ok((checked, warnings)) => {
            chosen.notes.extend(warnings);
            Some(map_normalized(&checked))
        }
        Err(error) => {
            chosen.notes.push(error.to_string());
            None
        }
    }
}

fn map_fields(
    data: &serde_json::Value,
    policy: &DecodePolicy,
    proposals: &mut Vec<Proposal>,
) -> Decoded {
    if let Some(profile) = &policy.mapping {
        return map_profile(profile, data);
    }
    #[cfg(feature = "native-codecs")]
    if let Some(native) = &policy.native {
        return map_profile(&crate::mapping::profiles::family_profile(native), data);
    }
    let (decoded, proposed) = map_generic(data);
    *proposals = proposed;
    decoded
}

/// Compares live values probe by probe; what only one side has is not a disagreement.
fn compare(ours: &Decoded, theirs: &Decoded) -> Vec<Disagreement> {
    let live = |m: &&Measurement| !matches!(m.at, MeasuredAt::Stored(_) | MeasuredAt::Before(_));
    let mut found = Vec::new();
    for our in ours.measurements.iter().filter(live) {
        let same = |m: &&Measurement| {
            m.probe == our.probe && m.quantity == our.quantity && comparable(our, m)
        };
        let Some(their) = theirs.measurements.iter().filter(live).find(same) else {
            continue;
        };
        if !agree(our.value.as_ref(), their.value.as_ref()) {
            found.push(Disagreement {
                probe: our.probe.clone(),
                quantity: our.quantity.clone(),
                ours: our.value.clone(),
                network: their.value.clone(),
            });
        }
    }
    found
}

/// Volts are compared with volts: another kind of battery state is another statement, not another opinion.
fn comparable(ours: &Measurement, theirs: &Measurement) -> bool {
    match (&ours.value, &theirs.value) {
        (Some(Value::Battery(a)), Some(Value::Battery(b))) => {
            std::mem::discriminant(a) == std::mem::discriminant(b)
        }
        (Some(_) | None, Some(_) | None) => true,
    }
}

fn agree(ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    match (ours.and_then(number), theirs.and_then(number)) {
        // a hair more, so that 0.01 itself agrees in binary
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE + 1e-9,
        (None, None) => ours == theirs,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    use crate::canonical::Battery;
    match value {
        Value::Temperature(t) => Some(t.in_unit(TemperatureUnit::C)),
        Value::Humidity(h) => Some(f64::from(h.milli_percent()) / 1_000.0),
        Value::Battery(Battery::Volts(mv)) => Some(f64::from(*mv) / 1_000.0),
        Value::Extra(number) => Some(*number),
        Value::Battery(Battery::Percent(_) | Battery::Band(..) | Battery::Grade(_))
        | Value::Contact(_)
        | Value::Leak(_) => None,
    }
}
