//! Talkpool OY1100, OY1110 and OY1210: twelve bits each of temperature and humidity.
//!
//! Source: Talkpool OY series payload descriptions.

use super::frame::{Outcome, Sensor, extra, finish};
use super::{Family, NativeProfile};
use crate::canonical::{Decoded, Flag, MeasuredAt, Measurement, Rejected, Role, SensorKind};
use freshtrack_core::time::Span;

/// Above this many tenths the twelve bits can only be a negative number (unconfirmed).
const POSITIVE_MAX: i32 = 1_250;

/// OY1100 on port 1; OY1110 and OY1210 on ports 2 and 3.
pub(super) fn decode(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    match (profile.family, port) {
        (Family::Oy1110 | Family::Oy1210, Some(2) | None) => offset_live(profile.family, bytes),
        (Family::Oy1110 | Family::Oy1210, Some(3)) => offset_series(profile.family, bytes),
        (Family::Oy1110 | Family::Oy1210, Some(_)) => Err(Rejected::UnknownPort),
        (_, Some(1) | None) => oy1100(bytes),
        (_, Some(_)) => Err(Rejected::UnknownPort),
    }
}

fn sensor() -> Sensor {
    Sensor::only(Role::Cabinet, SensorKind::Sht)
}

fn twelve_bits(group: [u8; 3]) -> (i32, i32) {
    let [t, h, shared] = group.map(i32::from);
    (t << 4 | shared >> 4, h << 4 | shared & 0x0F)
}

fn oy1100(bytes: &[u8]) -> Outcome {
    let Some((group, _)) = bytes.split_first_chunk::<3>() else {
        return Err(Rejected::BadLength);
    };
    if !bytes.len().is_multiple_of(3) {
        return Err(Rejected::BadLength);
    }
    let (t, h) = twelve_bits(*group);
    let temperature = if t > POSITIVE_MAX {
        sensor().milli((t - 4_096) * 100).suspect()
    } else {
        sensor().milli(t * 100)
    };
    let measurements = vec![temperature, sensor().humidity_milli(h * 100)];
    Ok(finish(Decoded {
        measurements,
        ..Decoded::default()
    }))
}

/// Three bytes, and two of CO2 for the model that has it.
const fn group_length(family: Family) -> usize {
    match family {
        Family::Oy1210 => 5,
        _ => 3,
    }
}

fn offset_group(group: &[u8]) -> Option<Vec<Measurement>> {
    let (head, rest) = group.split_first_chunk::<3>()?;
    let (t, h) = twelve_bits(*head);
    let mut found = vec![
        sensor().milli((t - 800) * 100),
        sensor().humidity_milli((h - 250) * 100),
    ];
    if let Some(ppm) = rest.first_chunk::<2>() {
        found.push(extra("co2_ppm", u16::from_be_bytes(*ppm)));
    }
    Some(found)
}

fn offset_live(family: Family, bytes: &[u8]) -> Outcome {
    if bytes.len() != group_length(family) {
        return Err(Rejected::BadLength);
    }
    let measurements = offset_group(bytes).ok_or(Rejected::BadLength)?;
    Ok(finish(Decoded {
        measurements,
        ..Decoded::default()
    }))
}

/// Newest first, one step apart; the first byte says how long a step is.
fn offset_series(family: Family, bytes: &[u8]) -> Outcome {
    let [step, groups @ ..] = bytes else {
        return Err(Rejected::BadLength);
    };
    if groups.is_empty() || !groups.len().is_multiple_of(group_length(family)) {
        return Err(Rejected::BadLength);
    }
    let minutes = i64::from(step & 0x7F) * if step & 0x80 == 0 { 1 } else { 60 };
    let step = Span::from_minutes(minutes);
    let mut decoded = Decoded::default();
    for (age, group) in (0_i64..).zip(groups.chunks_exact(group_length(family))) {
        for measurement in offset_group(group).unwrap_or_default() {
            decoded.measurements.push(if age == 0 {
                measurement
            } else {
                measurement
                    .measured(MeasuredAt::Before(step.times(age)))
                    .flagged(Flag::History)
            });
        }
    }
    Ok(finish(decoded))
}
