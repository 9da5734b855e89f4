//! The shared codec vectors: targets S1 (native decoders) and S2 (mapping).
//!
//! They are read from the folder `FRESHTRACK_VECTORS` names and are not part of this repository.

use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_ttn::canonical::{
    Battery, Contact, Decoded, Flag, Leak, Measurement, Quality, Role, Value as Reading,
};
use freshtrack_ttn::codec::native::{Family, NativeProfile, decode_native};
use freshtrack_ttn::mapping::profiles::family_profile;
use freshtrack_ttn::mapping::{map_generic, map_profile};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vector {
    codec_id: String,
    f_port: Option<u8>,
    bytes_hex: String,
    expected_output: Value,
}

impl Vector {
    fn name(&self) -> String {
        format!(
            "{} port {:?} {}",
            self.codec_id, self.f_port, self.bytes_hex
        )
    }

    fn bytes(&self) -> Vec<u8> {
        let digits: Vec<u8> = self
            .bytes_hex
            .chars()
            .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    fn failed(&self) -> bool {
        self.expected_output["errors"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty())
    }

    /// What the expected output says, read by the family's profile, else by the generic rule.
    fn expected(&self, family: Option<Family>) -> Decoded {
        let data = &self.expected_output["data"];
        match family {
            Some(family) => map_profile(&family_profile(&NativeProfile::new(family)), data),
            None => map_generic(data).0,
        }
    }
}

fn vectors() -> Option<Vec<Vector>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the vectors lie outside the repository"
    )]
    let Ok(folder) = std::env::var("FRESHTRACK_VECTORS") else {
        println!("SKIP: FRESHTRACK_VECTORS is not set");
        return None;
    };
    let path = std::path::Path::new(&folder).join("vectors/codec-vectors.json");
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// A measurement as text at the tolerance of the specification: 0.005 for °C, % and V.
#[derive(Debug)]
struct Seen {
    what: String,
    number: Option<f64>,
}

fn seen(measurement: &Measurement) -> Option<Seen> {
    let (what, number) = match measurement.value.as_ref()? {
        Reading::Temperature(t) => ("temperature", Some(t.in_unit(TemperatureUnit::C))),
        Reading::Humidity(h) => ("humidity", Some(f64::from(h.milli_percent()) / 1e3)),
        Reading::Battery(Battery::Volts(mv)) => ("volts", Some(f64::from(*mv) / 1e3)),
        Reading::Battery(Battery::Percent(n)) => ("percent", Some(f64::from(*n))),
        Reading::Battery(Battery::Band(low, _)) => ("band", Some(f64::from(*low))),
        Reading::Battery(Battery::Grade(n)) => ("grade", Some(f64::from(*n))),
        Reading::Contact(Contact::Open) => ("open", None),
        Reading::Contact(Contact::Closed) => ("closed", None),
        Reading::Leak(Leak::Wet) => ("wet", None),
        Reading::Leak(Leak::Dry) => ("dry", None),
        Reading::Extra(_) => return None,
    };
    let history = if measurement.flags.contains(Flag::History) {
        " stored"
    } else {
        ""
    };
    Some(Seen {
        what: format!(
            "{what} {:?} {:?}{history}",
            measurement.probe, measurement.role
        ),
        number,
    })
}

fn all_seen(decoded: &Decoded) -> Vec<Seen> {
    let mut all: Vec<Seen> = decoded.measurements.iter().filter_map(seen).collect();
    all.sort_by(|a, b| {
        a.what
            .cmp(&b.what)
            .then(a.number.unwrap_or(0.0).total_cmp(&b.number.unwrap_or(0.0)))
    });
    all
}

fn same(a: &[Seen], b: &[Seen]) -> bool {
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 0.005 + 1e-12,
        (None, None) => true,
        _ => false,
    };
    // formatters do not say which values are stored ones
    let what = |seen: &Seen| seen.what.trim_end_matches(" stored").to_owned();
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| what(a) == what(b) && near(a.number, b.number))
}

#[test]
fn s1_native_decoders_agree_with_every_vector_of_their_families() {
    let Some(vectors) = vectors() else { return };
    let mut failures = Vec::new();
    let mut checked = 0;
    for vector in &vectors {
        let Ok(family) = vector.codec_id.parse::<Family>() else {
            continue;
        };
        checked += 1;
        let decoded = decode_native(&NativeProfile::new(family), vector.f_port, &vector.bytes());
        let (decoded, expected) = match decoded {
            Ok(decoded) => (decoded, vector.expected(Some(family))),
            Err(rejected) if vector.failed() => {
                assert_eq!(rejected.to_string(), "unknown port", "{}", vector.name());
                continue;
            }
            Err(rejected) => {
                failures.push(format!("{}: {rejected}", vector.name()));
                continue;
            }
        };
        let (ours, theirs) = (all_seen(&decoded), all_seen(&expected));
        // older values of a series stand beside the one the formatter reports
        let series = vector.codec_id == "oy1110-codec" && vector.f_port == Some(3);
        let ours: Vec<Seen> = ours
            .into_iter()
            .filter(|s| !(series && s.what.ends_with("stored")))
            .collect();
        if vector.failed() || !same(&ours, &theirs) {
            failures.push(format!(
                "{}:\n   ours {ours:?}\n theirs {theirs:?}",
                vector.name()
            ));
        }
        if ours.is_empty() && decoded.measurements.is_empty() && decoded.no_measurement.is_none() {
            failures.push(format!(
                "{}: neither readings nor a reason for none",
                vector.name()
            ));
        }
    }
    println!("{checked} vectors of native families");
    assert!(
        failures.is_empty(),
        "{} of {checked} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        checked >= 80,
        "only {checked} vectors belong to a native family"
    );
}

/// Every number or its absence that the expected output gives as a temperature, by the profile of its
/// family or the generic rule; none of them a sentinel.
#[test]
fn s2_mapping_gives_exactly_the_temperatures_of_every_vector() {
    let Some(vectors) = vectors() else { return };
    let bearing = |decoded: &Decoded| {
        decoded.measurements.iter().any(|m| {
            m.quantity == freshtrack_ttn::canonical::Quantity::Temperature && m.role != Role::Board
        })
    };
    let mut found = 0;
    let mut codecs = std::collections::BTreeSet::new();
    for vector in &vectors {
        let generic = vector.expected(None);
        if bearing(&generic) {
            found += 1;
            codecs.insert(&vector.codec_id);
        }
        let mapped = vector.expected(vector.codec_id.parse().ok());
        assert_eq!(
            bearing(&mapped),
            bearing(&generic),
            "{}: {:?}",
            vector.name(),
            mapped.measurements
        );
        let numbers = |decoded: &Decoded| {
            let mut all: Vec<i32> = decoded
                .measurements
                .iter()
                .filter_map(|m| Some(m.temperature_value()?.milli_celsius()))
                .collect();
            all.sort_unstable();
            all
        };
        // a profile knows more than names do: a missing thermistor's 0 is no temperature
        if vector.expected_output["data"]["thermistorProperlyConnected"] == Value::Bool(false) {
            assert_eq!(numbers(&mapped), [22_800]);
            assert!(
                mapped
                    .measurements
                    .iter()
                    .any(|m| matches!(m.quality, Quality::Fault(_)))
            );
        } else {
            assert_eq!(numbers(&mapped), numbers(&generic), "{}", vector.name());
        }
        for milli in numbers(&mapped) {
            assert!(
                ![327_670, -327_680, -327_670].contains(&milli),
                "{}: a sentinel",
                vector.name()
            );
        }
    }
    assert_eq!(
        (vectors.len(), found, codecs.len()),
        (141, 58, 41),
        "vectors, bearing, codecs"
    );
}
