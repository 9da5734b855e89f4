//! What a codec says about one frame, before anybody placed it in time.

use super::value::{
    Battery, Contact, FaultCause, Flag, Flags, Humidity, Leak, Probe, Quality, Quantity, Role,
    Value,
};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Everything a codec read from one frame.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Decoded {
    /// Measurements, in the order of the frame.
    pub measurements: Vec<Measurement>,
    /// Why there are none, when that is as it should be.
    pub no_measurement: Option<NoMeasurement>,
    /// Other things the device said about itself.
    pub facts: Vec<Fact>,
    /// For a person.
    pub warnings: Vec<String>,
    /// The frame names another model than the profile.
    pub wrong_model: bool,
    /// The frame can carry keys: no copy of it may be kept or logged.
    pub sensitive: bool,
}

/// A frame that is understood and has no measurement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoMeasurement {
    /// Hardware and firmware.
    Version,
    /// An answer about configuration.
    Configuration,
    /// An answer about calibration.
    Calibration,
    /// State of the device.
    Status,
    /// Stored data in a form that is not read here.
    StoredData,
    /// No field of the frame is a measurement.
    Nothing,
}

/// Why a native decoder refuses a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejected {
    /// The layout is not sent on this port.
    #[error("unknown port")]
    UnknownPort,
    /// No layout has this length.
    #[error("bad length")]
    BadLength,
    /// The layout has another version.
    #[error("wrong version")]
    WrongVersion,
}

/// Something a device said about itself that is not a measurement.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fact {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: serde_json::Value,
}

/// One value of one probe.
#[derive(Clone, PartialEq, Debug)]
pub struct Measurement {
    /// Which probe.
    pub probe: Probe,
    /// The role the codec's profile gives it.
    pub role: Role,
    /// What is measured.
    pub quantity: Quantity,
    /// The value; `None` for a fault.
    pub value: Option<Value>,
    /// Whether it may be used.
    pub quality: Quality,
    /// Circumstances.
    pub flags: Flags,
    /// When it was measured.
    pub at: MeasuredAt,
}

/// When a measurement was made, as far as the frame says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MeasuredAt {
    /// With the frame.
    Frame,
    /// With the frame, and the device's clock said this.
    Clock(Timestamp),
    /// This long before the frame.
    Before(Span),
    /// Before; this is what the device's clock said then, if it said anything.
    Stored(Option<Timestamp>),
}

/// What kind of sensor made a temperature: decides its range and its artefacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorKind {
    /// A digital sensor in the housing, −40 to 85 °C.
    Housing,
    /// A DS18B20 probe, −55 to 125 °C; 85.00 is its power-on value, −127 its absence.
    Ds18b20,
    /// An SHT or NTC sensor, −45 to 130 °C.
    Sht,
    /// A PT100 or a thermocouple, −200 to 800 °C.
    Pt100,
    /// Not known: the widest range.
    #[default]
    Unknown,
}

impl SensorKind {
    /// The range in milli-degrees Celsius, ends included.
    #[must_use]
    pub const fn range_milli_celsius(self) -> (i32, i32) {
        match self {
            Self::Housing => (-40_000, 85_000),
            Self::Ds18b20 => (-55_000, 125_000),
            Self::Sht => (-45_000, 130_000),
            Self::Pt100 | Self::Unknown => (-200_000, 800_000),
        }
    }
}

/// Humidity up to here is a sensor's tolerance and reads as 100 %.
const HUMIDITY_TOLERATED_MILLI: i32 = 102_000;

impl Measurement {
    fn new(
        probe: Probe,
        role: Role,
        quantity: Quantity,
        value: Option<Value>,
        quality: Quality,
    ) -> Self {
        Self {
            probe,
            role,
            quantity,
            value,
            quality,
            flags: Flags::NONE,
            at: MeasuredAt::Frame,
        }
    }

    /// A temperature in milli-degrees Celsius, judged by the kind of sensor.
    #[must_use]
    pub fn temperature(probe: Probe, role: Role, milli: i32, sensor: SensorKind) -> Self {
        if milli == -127_000 && matches!(sensor, SensorKind::Ds18b20 | SensorKind::Unknown) {
            return Self::fault(probe, role, Quantity::Temperature, FaultCause::Sentinel);
        }
        let (low, high) = sensor.range_milli_celsius();
        let quality = if !(low..=high).contains(&milli) {
            Quality::OutOfRange
        } else if milli == 85_000 && sensor == SensorKind::Ds18b20 {
            Quality::Suspect
        } else {
            Quality::Ok
        };
        let value = Value::Temperature(Temperature::from_milli_celsius(milli));
        Self::new(probe, role, Quantity::Temperature, Some(value), quality)
    }

    /// A humidity in thousandths of a percent.
    #[must_use]
    pub fn humidity(probe: Probe, role: Role, milli: i32) -> Self {
        let (milli, quality) = match milli {
            0..=100_000 => (milli, Quality::Ok),
            100_001..=HUMIDITY_TOLERATED_MILLI => (100_000, Quality::Ok),
            _ => (milli, Quality::OutOfRange),
        };
        let value = Value::Humidity(Humidity::from_milli_percent(milli));
        Self::new(probe, role, Quantity::Humidity, Some(value), quality)
    }

    /// A probe that has no value.
    #[must_use]
    pub fn fault(probe: Probe, role: Role, quantity: Quantity, cause: FaultCause) -> Self {
        Self::new(probe, role, quantity, None, Quality::Fault(cause))
    }

    /// A state of the battery.
    #[must_use]
    pub fn battery(battery: Battery) -> Self {
        let value = Some(Value::Battery(battery));
        Self::new(
            Probe::DEVICE,
            Role::Unassigned,
            Quantity::Battery,
            value,
            Quality::Ok,
        )
    }

    /// A door or contact.
    #[must_use]
    pub fn contact(probe: Probe, contact: Contact) -> Self {
        let value = Some(Value::Contact(contact));
        Self::new(probe, Role::Cabinet, Quantity::Contact, value, Quality::Ok)
    }

    /// Water or none.
    #[must_use]
    pub fn leak(probe: Probe, leak: Leak) -> Self {
        let value = Some(Value::Leak(leak));
        Self::new(probe, Role::Cabinet, Quantity::Leak, value, Quality::Ok)
    }

    /// Any other quantity; a number that is not finite is left out by the caller.
    #[must_use]
    pub fn extra(probe: Probe, name: impl Into<Cow<'static, str>>, number: f64) -> Self {
        let value = Some(Value::Extra(number));
        Self::new(
            probe,
            Role::Unassigned,
            Quantity::Extra(name.into()),
            value,
            Quality::Ok,
        )
    }

    /// With `flag` set.
    #[must_use]
    pub fn flagged(mut self, flag: Flag) -> Self {
        self.flags = self.flags.with(flag);
        self
    }

    /// Measured at another time than the frame's.
    #[must_use]
    pub const fn measured(mut self, at: MeasuredAt) -> Self {
        self.at = at;
        self
    }

    /// No better than suspect.
    #[must_use]
    pub fn suspect(mut self) -> Self {
        if self.quality == Quality::Ok {
            self.quality = Quality::Suspect;
        }
        self
    }

    /// The temperature, if this is one and has a value.
    #[must_use]
    pub fn temperature_value(&self) -> Option<Temperature> {
        match self.value {
            Some(Value::Temperature(t)) => Some(t),
            Some(
                Value::Humidity(_)
                | Value::Battery(_)
                | Value::Contact(_)
                | Value::Leak(_)
                | Value::Extra(_),
            )
            | None => None,
        }
    }
}

impl Decoded {
    /// A frame understood to have no measurement.
    #[must_use]
    pub fn nothing(kind: NoMeasurement) -> Self {
        Self {
            no_measurement: Some(kind),
            ..Self::default()
        }
    }

    /// Adds a fact.
    pub fn fact(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<serde_json::Value>,
    ) {
        self.facts.push(Fact {
            name: name.into(),
            value: value.into(),
        });
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Sets `flag` on every measurement.
    pub fn flag_all(&mut self, flag: Flag) {
        for measurement in &mut self.measurements {
            measurement.flags = measurement.flags.with(flag);
        }
    }
}
