//! The profile of each native family: how its formatter's fields are read, on the network or as a script.
//!
//! Field names are those the makers' formatters write; they are facts, and the only thing taken from them.

use super::profile::{
    Condition, FieldRule, MappingProfile, Polarity, RuleQuantity, TextForm, Unit,
};
use crate::canonical::{Probe, Role, SensorKind};
use crate::codec::native::{Family, Fitting, NativeProfile};
use serde_json::{Value, json};

/// The profile of a family, with the roles its fitting gives.
#[must_use]
pub fn family_profile(native: &NativeProfile) -> MappingProfile {
    let roles = Roles::of(native);
    MappingProfile {
        name: native.family.to_string(),
        rules: rules(native.family, &roles),
    }
}

/// Who is what, by fitting.
struct Roles {
    built_in: Role,
    external: Role,
    second: Role,
}

impl Roles {
    const fn of(native: &NativeProfile) -> Self {
        match native.fitting {
            Fitting::WithProbe => Self {
                built_in: Role::Ambient,
                external: Role::Cabinet,
                second: Role::Product,
            },
            Fitting::WithoutProbe => Self {
                built_in: Role::Cabinet,
                external: Role::Unassigned,
                second: Role::Unassigned,
            },
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one arm per maker")]
fn rules(family: Family, roles: &Roles) -> Vec<FieldRule> {
    use SensorKind::{Ds18b20, Housing, Pt100, Sht, Unknown};
    let built_in = |pointer, kind| temperature(pointer, Probe::BUILT_IN, roles.built_in, kind);
    let external = |pointer, kind| temperature(pointer, Probe::EXTERNAL, roles.external, kind);
    let humid = |pointer| {
        rule(
            pointer,
            RuleQuantity::Humidity,
            Probe::BUILT_IN,
            roles.built_in,
        )
    };
    match family {
        Family::Lht65 | Family::Lht65n | Family::Lht52 => vec![
            external("/TempC_DS", Ds18b20),
            external("/TempC_TMP117", Ds18b20),
            built_in("/TempC_SHT", Sht),
            humid("/Hum_SHT"),
            volts("/BatV"),
            millivolts("/Bat_mV"),
            device("/Bat_status", RuleQuantity::BatteryGrade),
        ],
        Family::Lds02 => vec![
            contact("/DOOR_OPEN_STATUS", json!(1), json!(0)),
            leak("/WATER_LEAK_STATUS", json!(1), json!(0)),
            volts("/BAT_V"),
        ],
        Family::Ltc2 => vec![
            temperature(
                "/Temp_Channel1",
                Probe::named("channel_1"),
                Role::Cabinet,
                Pt100,
            ),
            temperature(
                "/Temp_Channel2",
                Probe::named("channel_2"),
                Role::Product,
                Pt100,
            ),
            volts("/BatV"),
        ],
        Family::Em300 | Family::Em500Pt100 => vec![
            built_in(
                "/temperature",
                if family == Family::Em300 { Sht } else { Pt100 },
            ),
            humid("/humidity"),
            device("/battery", RuleQuantity::BatteryPercent),
            leak("/leakage_status", json!("leak"), json!("normal")),
            contact("/magnet_status", json!("open"), json!("close")),
        ],
        Family::Ers | Family::Elt2 | Family::EmsDoor => {
            let mut fields = vec![
                built_in("/temperature", Housing),
                external("/externalTemperature", Ds18b20),
                temperature(
                    "/externalTemperature2",
                    Probe::EXTERNAL_2,
                    roles.second,
                    Ds18b20,
                ),
                unassigned("/irInternalTemperature", "infrared_own"),
                unassigned("/irExternalTemperature", "infrared_surface"),
                humid("/humidity"),
                millivolts("/vdd"),
                leak("/waterleak", json!(1), json!(0)),
            ];
            if family == Family::EmsDoor {
                fields.push(contact("/digital", json!(1), json!(0)));
            }
            fields
        }
        Family::Rs1xxTh | Family::Rs1xxOneWire | Family::Rs1xxRtd | Family::Rs1xxContact => {
            let (kind, role) = match family {
                Family::Rs1xxRtd => (Pt100, Role::Cabinet),
                Family::Rs1xxOneWire => (Ds18b20, Role::Cabinet),
                Family::Rs1xxContact => (Sht, Role::Ambient),
                _ => (Sht, Role::Cabinet),
            };
            vec![
                temperature("/temperature", Probe::BUILT_IN, role, kind),
                temperature("/readings/*/temperature", Probe::BUILT_IN, role, kind),
                rule("/humidity", RuleQuantity::Humidity, Probe::BUILT_IN, role),
                rule(
                    "/readings/*/humidity",
                    RuleQuantity::Humidity,
                    Probe::BUILT_IN,
                    role,
                ),
                device("/batteryCapacity", RuleQuantity::BatteryBand),
                volts("/voltage"),
            ]
        }
        Family::R718a
        | Family::R718ab
        | Family::R711
        | Family::R720a
        | Family::R718ck2
        | Family::R718b2
        | Family::R718ct2
        | Family::R718ck
        | Family::R718ct
        | Family::R718b
        | Family::R311a
        | Family::R718f
        | Family::R730f => netvox(family),
        Family::Tbhh100 => vec![
            built_in("/temperature", Housing),
            humid("/humidity"),
            volts("/battery"),
            volts("/battery_volt"),
        ],
        Family::Tbdw100 => vec![
            temperature("/temperature", Probe::named("board"), Role::Board, Housing),
            volts("/battery"),
            volts("/battery_volt"),
            contact("/open", json!(1), json!(0)),
        ],
        Family::MclimateHt => vec![
            built_in("/sensorTemperature", Housing),
            built_in("/temperature", Housing),
            FieldRule {
                valid_if: Some(Condition {
                    pointer: "/thermistorProperlyConnected".to_owned(),
                    equals: json!(true),
                }),
                ..external("/extThermistorTemperature", Sht)
            },
            humid("/relativeHumidity"),
            humid("/humidity"),
            volts("/batteryVoltage"),
        ],
        Family::DecentlabSht35 | Family::DecentlabDs18 => vec![
            built_in(
                "/temperature/value",
                if family == Family::DecentlabDs18 {
                    Ds18b20
                } else {
                    Sht
                },
            ),
            built_in("/air_temperature/value", Sht),
            humid("/humidity/value"),
            humid("/air_humidity/value"),
            volts("/battery_voltage/value"),
        ],
        Family::TektelicComfort | Family::TektelicTundra => vec![
            built_in("/temperature", Housing),
            built_in("/ambient_temperature", Housing),
            temperature(
                "/mcu_temperature",
                Probe::named("mcu"),
                Role::Board,
                Housing,
            ),
            humid("/relative_humidity"),
            volts("/battery_voltage"),
        ],
        Family::Oy1100 | Family::Oy1110 | Family::Oy1210 => vec![
            built_in("/Temperature", Unknown),
            humid("/RelativeHumidity"),
            humid("/Humidity"),
        ],
    }
}

fn netvox(family: Family) -> Vec<FieldRule> {
    let channel_1 = Probe::named("channel_1");
    let alone = match family {
        Family::R718ck | Family::R718ct | Family::R718b => channel_1.clone(),
        _ => Probe::BUILT_IN,
    };
    vec![
        temperature("/Temp", alone, Role::Cabinet, SensorKind::Pt100),
        temperature("/Temp1", channel_1, Role::Cabinet, SensorKind::Pt100),
        temperature(
            "/Temp2",
            Probe::named("channel_2"),
            Role::Product,
            SensorKind::Pt100,
        ),
        rule(
            "/Humi",
            RuleQuantity::Humidity,
            Probe::BUILT_IN,
            Role::Cabinet,
        ),
        FieldRule {
            text: TextForm::LowBattery,
            ..volts("/Volt")
        },
        contact("/OnOff", json!(1), json!(0)),
    ]
}

fn rule(pointer: &str, quantity: RuleQuantity, probe: Probe, role: Role) -> FieldRule {
    FieldRule {
        pointer: pointer.to_owned(),
        quantity,
        probe,
        role,
        unit: Unit::Native,
        sentinels: Vec::new(),
        valid_if: None,
        text: TextForm::Never,
    }
}

fn temperature(pointer: &str, probe: Probe, role: Role, sensor: SensorKind) -> FieldRule {
    rule(pointer, RuleQuantity::Temperature { sensor }, probe, role)
}

fn unassigned(pointer: &str, probe: &'static str) -> FieldRule {
    temperature(
        pointer,
        Probe::named(probe),
        Role::Unassigned,
        SensorKind::Unknown,
    )
}

fn device(pointer: &str, quantity: RuleQuantity) -> FieldRule {
    rule(pointer, quantity, Probe::DEVICE, Role::Unassigned)
}

fn volts(pointer: &str) -> FieldRule {
    device(pointer, RuleQuantity::BatteryVolts)
}

fn millivolts(pointer: &str) -> FieldRule {
    FieldRule {
        unit: Unit::Milli,
        ..volts(pointer)
    }
}

fn contact(pointer: &str, open: Value, closed: Value) -> FieldRule {
    let open = Polarity {
        yes: vec![open],
        no: vec![closed],
    };
    rule(
        pointer,
        RuleQuantity::Contact { open },
        Probe::named("door"),
        Role::Cabinet,
    )
}

fn leak(pointer: &str, wet: Value, dry: Value) -> FieldRule {
    let wet = Polarity {
        yes: vec![wet],
        no: vec![dry],
    };
    rule(
        pointer,
        RuleQuantity::Leak { wet },
        Probe::named("leak"),
        Role::Cabinet,
    )
}
