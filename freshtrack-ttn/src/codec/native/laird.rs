//! Laird `RS1xx`: temperature and humidity, 1-wire, RTD and contact variants.
//!
//! The frame does not say whether messages 02 to 04 carry pairs or one wide number: the profile does.
//!
//! Source: Laird Connectivity `RS1xx` LoRaWAN protocol document.

use super::cursor::Cursor;
use super::frame::{Outcome, Sensor, extra, finish, on_port};
use super::{Family, NativeProfile};
use crate::canonical::{
    Battery, Contact, Decoded, Flag, MeasuredAt, Measurement, NoMeasurement, Probe, Rejected, Role,
    SensorKind,
};
use freshtrack_core::time::{Span, Timestamp};

/// 2015-01-01T00:00:00Z, from which these devices count.
const EPOCH_SECONDS: i64 = 1_420_070_400;
const BANDS: [(u8, u8); 6] = [(0, 5), (5, 20), (20, 40), (40, 60), (60, 80), (80, 100)];
const OPTION_FAULT: u8 = 0x10;

/// Port 1.
pub(super) fn decode(profile: &NativeProfile, port: Option<u8>, bytes: &[u8]) -> Outcome {
    on_port(port, 1)?;
    let [message, options, body @ ..] = bytes else {
        return Err(Rejected::BadLength);
    };
    if !length_fits(*message, bytes) {
        return Err(Rejected::BadLength);
    }
    let mut decoded = Decoded::default();
    if read(profile, *message, Cursor::new(body), &mut decoded).is_none() {
        return Err(Rejected::BadLength);
    }
    if options & 0x02 != 0 {
        decoded.warn("the sensor reports a configuration error");
    }
    if options & OPTION_FAULT != 0 {
        decoded.warn("the sensor reports a fault");
        decoded.measurements = decoded
            .measurements
            .into_iter()
            .map(Measurement::suspect)
            .collect();
    }
    decoded.fact("options", *options);
    Ok(finish(decoded))
}

fn length_fits(message: u8, bytes: &[u8]) -> bool {
    let items = |at: usize| bytes.get(at).map_or(0, |n| usize::from(*n));
    let expected = match message {
        0x01 | 0x07 | 0x0B => 11,
        0x02 => 11 + 4 * items(6),
        0x03 | 0x08 => 10,
        0x04 => 3 + 8 * items(2),
        0x05 => 8,
        0x06 => 16,
        0x09 => 6,
        0x0A => 4,
        0x0C => 15,
        _ => return true,
    };
    bytes.len() == expected
}

fn read(
    profile: &NativeProfile,
    message: u8,
    mut cursor: Cursor<'_>,
    decoded: &mut Decoded,
) -> Option<()> {
    match message {
        0x01 => {
            pair(profile, &mut cursor, decoded, MeasuredAt::Frame)?;
            band(decoded, cursor.u8()?);
            counters(decoded, cursor.u16()?, cursor.u16()?);
        }
        0x02 => {
            let alarms = cursor.u8()?;
            counters(decoded, u16::from(alarms), cursor.u16()?);
            band(decoded, cursor.u8()?);
            let items = cursor.u8()?;
            let first = device_time(cursor.u32()?);
            for item in 0..items {
                value(
                    profile,
                    &mut cursor,
                    decoded,
                    aggregated(profile, first, item),
                )?;
            }
        }
        0x03 => {
            let at = MeasuredAt::Stored(Some(device_time(cursor.u32()?)));
            value(profile, &mut cursor, decoded, at)?;
        }
        0x04 => {
            for _ in 0..cursor.u8()? {
                let at = MeasuredAt::Stored(Some(device_time(cursor.u32()?)));
                value(profile, &mut cursor, decoded, at)?;
            }
        }
        0x05 | 0x06 | 0x0C => {
            decoded.no_measurement = Some(NoMeasurement::Configuration);
            decoded.fact("battery_type", cursor.u8()?);
            decoded.fact("read_period_s", cursor.u16()?);
        }
        0x07 => decoded.no_measurement = Some(NoMeasurement::Version),
        0x08 => decoded.no_measurement = Some(NoMeasurement::Configuration),
        0x09 => contact(decoded, cursor.array()?),
        0x0A => {
            let millivolts = narrow(&mut cursor)?;
            decoded
                .measurements
                .push(Measurement::battery(Battery::Volts(millivolts)));
        }
        0x0B => {
            let milli = wide(&mut cursor)?;
            decoded.measurements.push(sensor(profile).milli(milli));
            band(decoded, cursor.u8()?);
            counters(decoded, cursor.u16()?, cursor.u16()?);
        }
        _ => decoded.warn(format!("unknown message {message:02X}")),
    }
    Some(())
}

fn sensor(profile: &NativeProfile) -> Sensor {
    match profile.family {
        Family::Rs1xxRtd => Sensor::only(Role::Cabinet, SensorKind::Pt100),
        Family::Rs1xxOneWire => Sensor::only(Role::Cabinet, SensorKind::Ds18b20),
        Family::Rs1xxContact => Sensor::only(Role::Ambient, SensorKind::Sht),
        _ => Sensor::only(Role::Cabinet, SensorKind::Sht),
    }
}

/// One measurement of a stored or aggregated message, in the variant's form.
fn value(
    profile: &NativeProfile,
    cursor: &mut Cursor<'_>,
    decoded: &mut Decoded,
    at: MeasuredAt,
) -> Option<()> {
    if profile.family == Family::Rs1xxRtd {
        let milli = wide(cursor)?;
        push(decoded, sensor(profile).milli(milli), at);
        Some(())
    } else {
        pair(profile, cursor, decoded, at)
    }
}

fn pair(
    profile: &NativeProfile,
    cursor: &mut Cursor<'_>,
    decoded: &mut Decoded,
    at: MeasuredAt,
) -> Option<()> {
    let humidity = narrow(cursor)?;
    let temperature = narrow(cursor)?;
    let sensor = sensor(profile);
    push(decoded, sensor.milli(temperature), at);
    push(decoded, sensor.humidity_milli(humidity), at);
    Some(())
}

fn push(decoded: &mut Decoded, measurement: Measurement, at: MeasuredAt) {
    let measurement = measurement.measured(at);
    decoded.measurements.push(match at {
        MeasuredAt::Frame | MeasuredAt::Clock(_) => measurement,
        MeasuredAt::Before(_) | MeasuredAt::Stored(_) => measurement.flagged(Flag::History),
    });
}

/// Hundredths and whole as signed bytes, in thousandths.
fn narrow(cursor: &mut Cursor<'_>) -> Option<i32> {
    let [hundredths, whole] = cursor
        .array::<2>()?
        .map(|byte| i32::from(byte.cast_signed()));
    Some(whole * 1_000 + hundredths * 10)
}

/// Hundredths and whole as signed 16-bit numbers, in thousandths.
fn wide(cursor: &mut Cursor<'_>) -> Option<i32> {
    let hundredths = i32::from(cursor.i16()?);
    Some(i32::from(cursor.i16()?) * 1_000 + hundredths * 10)
}

fn device_time(seconds: u32) -> Timestamp {
    Timestamp::from_seconds(EPOCH_SECONDS + i64::from(seconds))
}

/// One time stands for all values of a message; taken as that of the first (unconfirmed), the others
/// follow by the read period if anybody knows it.
fn aggregated(profile: &NativeProfile, first: Timestamp, item: u8) -> MeasuredAt {
    let time = match (item, profile.read_period) {
        (0, _) => Some(first),
        (_, Some(period)) => Some(first + period.times(i64::from(item))),
        (_, None) => None,
    };
    MeasuredAt::Stored(time.filter(|t| *t > Timestamp::from_seconds(EPOCH_SECONDS) + Span::ZERO))
}

fn band(decoded: &mut Decoded, byte: u8) {
    match BANDS.get(usize::from(byte)) {
        Some((low, high)) => {
            decoded
                .measurements
                .push(Measurement::battery(Battery::Band(*low, *high)));
        }
        None => decoded.warn(format!("unknown battery band {byte}")),
    }
}

fn counters(decoded: &mut Decoded, alarms: u16, backlog: u16) {
    decoded.fact("alarm_messages", alarms);
    decoded.fact("backlog_messages", backlog);
}

fn contact(decoded: &mut Decoded, [mode, state, _cancelled, counter]: [u8; 4]) {
    let contact = if state == 0 {
        Contact::Closed
    } else {
        Contact::Open
    };
    if mode == 0 {
        decoded
            .measurements
            .push(Measurement::contact(Probe::named("door"), contact));
    } else {
        decoded.fact("button_pressed", state == 1);
    }
    decoded.measurements.push(extra("event_count", counter));
}
