//! Fields that many layouts share, and the result they are collected in.

use crate::canonical::{
    Battery, Decoded, FaultCause, Flag, MeasuredAt, Measurement, NoMeasurement, Probe, Quality,
    Quantity, Rejected, Role, SensorKind,
};
use crate::codec::native::{Fitting, NativeProfile};
use freshtrack_core::time::Timestamp;

/// What a decoder returns.
pub(super) type Outcome = Result<Decoded, Rejected>;

/// The integers by which sensors say "no sensor": never numbers, whatever the scale.
const SENTINELS: [i16; 3] = [i16::MAX, i16::MIN, i16::MIN + 1];

/// Thousandths per step of a raw integer.
#[derive(Clone, Copy)]
pub(super) struct Step(pub(super) i32);

/// Hundredths.
pub(super) const CENTI: Step = Step(10);
/// Tenths.
pub(super) const DECI: Step = Step(100);

/// A probe with its role and the kind of its sensor.
#[derive(Clone)]
pub(super) struct Sensor {
    pub(super) probe: Probe,
    pub(super) role: Role,
    pub(super) kind: SensorKind,
}

impl Sensor {
    /// The housing's sensor: the cabinet, unless an external probe is fitted for that.
    pub(super) fn built_in(profile: &NativeProfile, kind: SensorKind) -> Self {
        let role = match profile.fitting {
            Fitting::WithProbe => Role::Ambient,
            Fitting::WithoutProbe => Role::Cabinet,
        };
        Self {
            probe: Probe::BUILT_IN,
            role,
            kind,
        }
    }

    /// The external probe: the cabinet where one is fitted, nobody's where none should be.
    pub(super) fn external(profile: &NativeProfile, kind: SensorKind) -> Self {
        Self {
            probe: Probe::EXTERNAL,
            role: fitted(profile, Role::Cabinet),
            kind,
        }
    }

    /// The second external probe: the goods.
    pub(super) fn second(profile: &NativeProfile, kind: SensorKind) -> Self {
        Self {
            probe: Probe::EXTERNAL_2,
            role: fitted(profile, Role::Product),
            kind,
        }
    }

    /// The only sensor of a device without choices.
    pub(super) const fn only(role: Role, kind: SensorKind) -> Self {
        Self {
            probe: Probe::BUILT_IN,
            role,
            kind,
        }
    }

    /// One of several equal inputs.
    pub(super) const fn channel(name: &'static str, role: Role, kind: SensorKind) -> Self {
        Self {
            probe: Probe::named(name),
            role,
            kind,
        }
    }

    /// A signed raw temperature; a sentinel is a fault.
    pub(super) fn raw(&self, raw: i16, step: Step) -> Measurement {
        if SENTINELS.contains(&raw) {
            return self.fault(FaultCause::Sentinel);
        }
        self.milli(i32::from(raw) * step.0)
    }

    /// A temperature in milli-degrees.
    pub(super) fn milli(&self, milli: i32) -> Measurement {
        Measurement::temperature(self.probe.clone(), self.role, milli, self.kind)
    }

    /// No value.
    pub(super) fn fault(&self, cause: FaultCause) -> Measurement {
        Measurement::fault(self.probe.clone(), self.role, Quantity::Temperature, cause)
    }

    /// A raw humidity; all ones is a fault.
    pub(super) fn humidity(&self, raw: u16, step: Step) -> Measurement {
        if raw == u16::MAX {
            let quantity = Quantity::Humidity;
            return Measurement::fault(
                self.probe.clone(),
                self.role,
                quantity,
                FaultCause::Sentinel,
            );
        }
        self.humidity_milli(i32::from(raw) * step.0)
    }

    /// A humidity in thousandths of a percent.
    pub(super) fn humidity_milli(&self, milli: i32) -> Measurement {
        Measurement::humidity(self.probe.clone(), self.role, milli)
    }
}

fn fitted(profile: &NativeProfile, role: Role) -> Role {
    match profile.fitting {
        Fitting::WithProbe => role,
        Fitting::WithoutProbe => Role::Unassigned,
    }
}

/// Adds what an external input says; where no probe is fitted, its absence is no fault.
pub(super) fn push_external(into: &mut Decoded, profile: &NativeProfile, measurement: Measurement) {
    let missing = matches!(measurement.quality, Quality::Fault(_));
    if !(missing && profile.fitting == Fitting::WithoutProbe) {
        into.measurements.push(measurement);
    }
}

/// Battery voltage in millivolts.
pub(super) fn volts(millivolts: u16) -> Measurement {
    Measurement::battery(Battery::Volts(i32::from(millivolts)))
}

/// Another number of the device.
pub(super) fn extra(name: &'static str, number: impl Into<f64>) -> Measurement {
    Measurement::extra(Probe::DEVICE, name, number.into())
}

/// A stored value with the device's clock.
pub(super) fn stored(measurement: Measurement, unix: u32) -> Measurement {
    let time = Timestamp::from_seconds(i64::from(unix));
    measurement
        .measured(MeasuredAt::Stored(Some(time)))
        .flagged(Flag::History)
}

/// The device's clock in a live frame.
pub(super) fn clock(unix: u32) -> MeasuredAt {
    MeasuredAt::Clock(Timestamp::from_seconds(i64::from(unix)))
}

/// The frame, if it is sent on `expected` or nobody knows its port.
pub(super) fn on_port(port: Option<u8>, expected: u8) -> Result<(), Rejected> {
    if port.is_none_or(|port| port == expected) {
        Ok(())
    } else {
        Err(Rejected::UnknownPort)
    }
}

/// Marks a frame that ended before its layout did.
pub(super) fn truncated(mut decoded: Decoded) -> Decoded {
    decoded.flag_all(Flag::Truncated);
    decoded.warn("the frame is shorter than its layout");
    decoded
}

/// A frame without measurements is named so.
pub(super) fn finish(mut decoded: Decoded) -> Decoded {
    if decoded.measurements.is_empty() && decoded.no_measurement.is_none() {
        decoded.no_measurement = Some(NoMeasurement::Nothing);
    }
    decoded
}
