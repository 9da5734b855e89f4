//! Native decoders: frames written by hand from the layouts, faults included.

use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_ttn::canonical::{
    Battery, Contact, Decoded, FaultCause, Flag, Leak, MeasuredAt, Measurement, NoMeasurement,
    Quality, Rejected, Role, Value,
};
use freshtrack_ttn::codec::cayenne::{CayenneProfile, cayenne_fields, decode_cayenne};
use freshtrack_ttn::codec::native::{Family, Fitting, NativeProfile, decode_native};
use proptest::prelude::*;

use crate::native_frames::TABLE;

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn decode(family: &str, port: u8, frame: &str) -> Result<Decoded, Rejected> {
    decode_native(
        &NativeProfile::new(family.parse().unwrap()),
        Some(port),
        &hex(frame),
    )
}

/// A measurement in one line: `cabinet -18.45`, `cabinet fault`, `3014 mV`, `history cabinet 3.5`.
fn line(m: &Measurement) -> String {
    let role = format!("{:?}", m.role).to_lowercase();
    let value = match (&m.value, m.quality) {
        (_, Quality::Fault(_)) => format!("{role} fault"),
        (Some(Value::Temperature(t)), _) => format!("{role} {}", t.in_unit(TemperatureUnit::C)),
        (Some(Value::Humidity(h)), _) => format!("{role} {}%", f64::from(h.milli_percent()) / 1e3),
        (Some(Value::Battery(Battery::Volts(mv))), _) => format!("{mv} mV"),
        (Some(Value::Battery(Battery::Percent(n))), _) => format!("battery {n}%"),
        (Some(Value::Battery(Battery::Band(a, b))), _) => format!("battery {a}-{b}%"),
        (Some(Value::Battery(Battery::Grade(n))), _) => format!("grade {n}"),
        (Some(Value::Contact(Contact::Open)), _) => "open".to_owned(),
        (Some(Value::Contact(Contact::Closed)), _) => "closed".to_owned(),
        (Some(Value::Leak(Leak::Wet)), _) => "wet".to_owned(),
        (Some(Value::Leak(Leak::Dry)), _) => "dry".to_owned(),
        (Some(Value::Extra(n)), _) => format!("extra {n}"),
        (None, quality) => panic!("no value and {quality:?}"),
    };
    let suffix = match m.quality {
        Quality::OutOfRange => " out of range",
        Quality::Suspect => " suspect",
        _ => "",
    };
    let history = if m.flags.contains(Flag::History) {
        "history "
    } else {
        ""
    };
    let cut = if m.flags.contains(Flag::Truncated) {
        " cut"
    } else {
        ""
    };
    format!("{history}{value}{suffix}{cut}")
}

fn lines(family: &str, port: u8, frame: &str) -> Vec<String> {
    let decoded = decode(family, port, frame).unwrap();
    decoded.measurements.iter().map(line).collect()
}

#[test]
fn every_layout_reads_as_written() {
    for (family, port, frame, expected) in TABLE {
        assert_eq!(lines(family, *port, frame), *expected, "{family} {frame}");
    }
}

#[test]
fn seven_bits_of_humidity_and_whole_degrees() {
    let decoded = decode("tbhh100", 103, "00 0B 0E 46").unwrap();
    assert_eq!(
        lines("tbhh100", 103, "00 0B 0E 46"),
        ["3600 mV", "cabinet -18", "cabinet 70%"]
    );
    assert!(decoded.measurements[1].flags.contains(Flag::Coarse));
    assert_eq!(lines("tbhh100", 103, "00 0B 0E 7F")[2], "cabinet fault");
}

#[test]
fn every_name_of_a_family_finds_it() {
    for family in Family::ALL {
        let name = family.as_str();
        assert_eq!(name.parse::<Family>().unwrap(), *family);
        for alias in family.aliases() {
            assert_eq!(alias.parse::<Family>().unwrap(), *family, "{alias}");
        }
        assert_eq!(format!("{name}-codec").parse::<Family>().unwrap(), *family);
    }
    assert!("lht66".parse::<Family>().is_err());
}

#[test]
fn frames_that_cannot_be_the_family_s_are_rejected() {
    for (family, port, frame, why) in [
        ("lht65", 42, "CBC608C101E301F8CB7FFF", Rejected::UnknownPort),
        ("lht65", 5, "0B0150010000BB", Rejected::UnknownPort),
        ("lht52", 42, "00", Rejected::UnknownPort),
        ("lds02", 2, "0BB801", Rejected::UnknownPort),
        ("ltc2", 5, "0BB801", Rejected::UnknownPort),
        ("r718a", 1, "010B01", Rejected::UnknownPort),
        ("tbhh100", 102, "00", Rejected::UnknownPort),
        ("tektelic-comfort", 32, "00", Rejected::UnknownPort),
        ("oy1100", 2, "0F1E5A", Rejected::UnknownPort),
        (
            "rs1xx-th",
            1,
            "0100213443620501000000FF",
            Rejected::BadLength,
        ),
        (
            "rs1xx-th",
            1,
            "0200000000050200000000213443",
            Rejected::BadLength,
        ),
        ("oy1100", 1, "0F1E", Rejected::BadLength),
        ("oy1110", 3, "0F2E3C", Rejected::BadLength),
        ("dl-ds18", 1, "01023D00017ED8", Rejected::WrongVersion),
        ("lht65", 2, "", Rejected::BadLength),
    ] {
        assert_eq!(
            decode(family, port, frame).unwrap_err(),
            why,
            "{family} {frame}"
        );
    }
}

#[test]
fn answers_and_versions_have_no_measurement() {
    for (family, port, frame, kind) in [
        ("r718a", 6, "010B006402202008110000", NoMeasurement::Version),
        ("r718a", 7, "820B03840708", NoMeasurement::Configuration),
        ("r718b", 14, "81010000", NoMeasurement::Calibration),
        ("lht52", 3, "0011223344", NoMeasurement::StoredData),
        ("lht52", 2, "00112233", NoMeasurement::Status),
        (
            "rs1xx-th",
            1,
            "0500010100000100",
            NoMeasurement::Configuration,
        ),
        ("mclimate-ht", 2, "0412", NoMeasurement::Configuration),
        ("em300-th", 85, "FF0A0102", NoMeasurement::Nothing),
        ("dl-ds18", 1, "02023D0000", NoMeasurement::Nothing),
    ] {
        let decoded = decode(family, port, frame).unwrap();
        assert_eq!(decoded.no_measurement, Some(kind), "{family} {frame}");
        assert!(decoded.measurements.is_empty(), "{family} {frame}");
    }
}

#[test]
fn rl_09_with_a_probe_fitted_the_cabinet_is_the_probe_and_nothing_stands_in_for_it() {
    let frame = hex("CBC6 08C1 01E3 01 F8CB 7FFF");
    let broken = hex("CBC6 08C1 01E3 01 7FFF 7FFF");
    let cabinet = |fitting, frame: &[u8]| {
        let profile = NativeProfile::new(Family::Lht65).fitted(fitting);
        let decoded = decode_native(&profile, Some(2), frame).unwrap();
        let temperatures = |m: &&Measurement| {
            m.role == Role::Cabinet
                && m.quantity == freshtrack_ttn::canonical::Quantity::Temperature
        };
        let found: Vec<String> = decoded
            .measurements
            .iter()
            .filter(temperatures)
            .map(line)
            .collect();
        found
    };
    assert_eq!(cabinet(Fitting::WithProbe, &frame), ["cabinet -18.45"]);
    assert_eq!(cabinet(Fitting::WithProbe, &broken), ["cabinet fault"]);
    assert_eq!(cabinet(Fitting::WithoutProbe, &frame), ["cabinet 22.41"]);
    assert_eq!(cabinet(Fitting::WithoutProbe, &broken), ["cabinet 22.41"]);
}

#[test]
fn rl_10_a_sentinel_never_becomes_a_number() {
    let said = lines("lht65n", 2, "CBC6008200F2017FFF7FFF");
    assert_eq!(
        said,
        [
            "ambient 1.3",
            "ambient 24.2%",
            "3014 mV",
            "grade 3",
            "cabinet fault"
        ]
    );
    for raw in ["7FFF", "8000", "8001"] {
        assert_eq!(
            lines("r718ck2", 6, &format!("01160124{raw}{raw}"))[1..],
            ["cabinet fault", "product fault"]
        );
    }
}

#[test]
fn rl_32_a_battery_grade_stays_a_grade() {
    let decoded = decode("lht65", 2, "CBC6 08C1 01E3 01 F8CB 7FFF").unwrap();
    let kinds: Vec<_> = decoded
        .measurements
        .iter()
        .filter_map(|m| m.value.clone())
        .collect();
    assert!(kinds.contains(&Value::Battery(Battery::Grade(3))));
    assert!(
        !kinds
            .iter()
            .any(|v| matches!(v, Value::Battery(Battery::Percent(_))))
    );
}

#[test]
fn a_missing_thermistor_is_a_fault_only_where_one_is_fitted() {
    let frame = hex("01 0274 73 F1 04 00");
    for (fitting, expected) in [
        (
            Fitting::WithProbe,
            vec![
                "ambient 22.8",
                "ambient 44.921%",
                "3500 mV",
                "cabinet fault",
            ],
        ),
        (
            Fitting::WithoutProbe,
            vec!["cabinet 22.8", "cabinet 44.921%", "3500 mV"],
        ),
    ] {
        let profile = NativeProfile::new(Family::MclimateHt).fitted(fitting);
        let decoded = decode_native(&profile, Some(2), &frame).unwrap();
        assert_eq!(
            decoded.measurements.iter().map(line).collect::<Vec<_>>(),
            expected
        );
    }
    // a command's answer stands before the keep-alive
    assert_eq!(
        lines("mclimate-ht", 2, "0411 01 0274 73 F1 04 00")[0],
        "cabinet 22.8"
    );
}

#[test]
fn another_model_s_frame_is_flagged_and_its_body_not_guessed() {
    let decoded = decode("r718a", 6, "0113 01 24 09EA 1A90").unwrap();
    assert!(decoded.wrong_model);
    assert_eq!(
        decoded.measurements.iter().map(line).collect::<Vec<_>>(),
        ["3600 mV"]
    );
    assert!(decoded.measurements[0].flags.contains(Flag::WrongModel));
}

#[test]
fn the_low_battery_bit_is_a_flag_and_not_a_voltage() {
    let decoded = decode("r718a", 6, "010B01 9E F8CB 1A90").unwrap();
    assert!(decoded.measurements[0].flags.contains(Flag::LowBattery));
}

#[test]
fn answers_that_can_carry_keys_leave_nothing_behind() {
    let decoded = decode(
        "tektelic-comfort",
        100,
        "02 00112233445566778899AABBCCDDEEFF",
    )
    .unwrap();
    assert!(decoded.sensitive);
    assert!(
        decoded.measurements.is_empty() && decoded.facts.is_empty() && decoded.warnings.is_empty()
    );
}

#[test]
fn stored_values_carry_the_device_s_time() {
    let decoded = decode("em300-th", 85, "20CE 00000069 47FF 46 00").unwrap();
    let at = freshtrack_core::time::Timestamp::from_seconds(0x6900_0000);
    assert_eq!(decoded.measurements[0].at, MeasuredAt::Stored(Some(at)));
    // groups of one frame, newest first, fifteen minutes apart
    let decoded = decode("oy1110", 3, "0F 2E3CCD 3338D2 3931F5").unwrap();
    let before: Vec<_> = decoded
        .measurements
        .iter()
        .step_by(2)
        .map(|m| m.at)
        .collect();
    let minutes = |n| MeasuredAt::Before(freshtrack_core::time::Span::from_minutes(n));
    assert_eq!(before, [MeasuredAt::Frame, minutes(15), minutes(30)]);
}

#[test]
fn aggregated_values_are_spaced_by_the_known_period_or_not_at_all() {
    let frame = hex("02 00 00 0000 05 02 15752A00 2134 4362 2235 4463");
    let times = |period: Option<i64>| {
        let read_period = period.map(freshtrack_core::time::Span::from_seconds);
        let profile = NativeProfile {
            read_period,
            ..NativeProfile::new(Family::Rs1xxTh)
        };
        let decoded = decode_native(&profile, Some(1), &frame).unwrap();
        let second = decoded
            .measurements
            .iter()
            .filter(|m| m.temperature_value().is_some())
            .nth(1);
        second.unwrap().at
    };
    assert_eq!(times(None), MeasuredAt::Stored(None));
    let expected =
        freshtrack_core::time::Timestamp::from_seconds(1_420_070_400 + 0x1575_2A00 + 300);
    assert_eq!(times(Some(300)), MeasuredAt::Stored(Some(expected)));
}

#[test]
fn cayenne_reads_every_type_under_the_network_s_names() {
    let frame = hex(
        "0167FF47 026846 030200C8 0467 00D2 0573 2710 0671 03E8 FC18 0000 0788 06765F F2960A 0003E8 0800 01",
    );
    let fields = cayenne_fields(&frame).data;
    assert_eq!(fields["temperature_1"], -18.5);
    assert_eq!(fields["relative_humidity_2"], 35.0);
    assert_eq!(fields["analog_in_3"], 2.0);
    assert_eq!(fields["barometric_pressure_5"], 1000.0);
    assert_eq!(
        fields["accelerometer_6"],
        serde_json::json!({"x": 1.0, "y": -1.0, "z": 0.0})
    );
    assert_eq!(
        fields["gps_7"],
        serde_json::json!({"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0})
    );
    assert_eq!(fields["digital_in_8"], 1);
    let profile = CayenneProfile {
        battery: Some(3),
        ..CayenneProfile::default()
    };
    let decoded = decode_cayenne(&profile, &frame);
    let said: Vec<_> = decoded.measurements.iter().map(line).collect();
    assert_eq!(
        said[..4],
        ["cabinet -18.5", "unassigned 35%", "2000 mV", "product 21"]
    );
    let fault = decode_cayenne(&profile, &hex("01677FFF"));
    assert_eq!(
        fault.measurements[0].quality,
        Quality::Fault(FaultCause::Sentinel)
    );
    let stopped = decode_cayenne(&profile, &hex("0167FF47 02FF00"));
    assert_eq!((stopped.measurements.len(), stopped.warnings.len()), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Total functions: any bytes, any port, any fitting.
    #[test]
    fn no_bytes_panic_and_every_outcome_is_explained(
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        port in proptest::option::of(prop_oneof![any::<u8>(), 1_u8..15, Just(85_u8), Just(100_u8), Just(103_u8)]),
        probe in any::<bool>(),
    ) {
        let fitting = if probe { Fitting::WithProbe } else { Fitting::WithoutProbe };
        for family in Family::ALL {
            if let Ok(decoded) = decode_native(&NativeProfile::new(*family).fitted(fitting), port, &bytes) {
                prop_assert!(
                    !decoded.measurements.is_empty() || decoded.no_measurement.is_some(),
                    "{} gives neither readings nor a reason", family
                );
                for m in &decoded.measurements {
                    let fault = matches!(m.quality, Quality::Fault(_));
                    prop_assert_eq!(fault, m.value.is_none(), "{}: a fault has no value", family);
                }
            }
        }
        let decoded = decode_cayenne(&CayenneProfile::default(), &bytes);
        prop_assert!(!decoded.measurements.is_empty() || decoded.no_measurement.is_some());
    }

    /// No field is made of bytes that are not there: a shorter frame never says more, or otherwise.
    #[test]
    fn a_cut_frame_says_a_part_of_what_the_whole_says(
        row in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()
    ) {
        let (family, port, frame, _) = TABLE[row.index(TABLE.len())];
        let bytes = hex(frame);
        let family: Family = family.parse().unwrap();
        let profile = NativeProfile::new(family);
        let whole = decode_native(&profile, Some(port), &bytes).unwrap();
        let key = |m: &Measurement| (m.probe.clone(), m.quantity.clone(), m.value.clone());
        if let Ok(part) = decode_native(&profile, Some(port), &bytes[..cut.index(bytes.len())]) {
            // LHT52 tells its messages apart by length alone
            if family == Family::Lht52 || family == Family::Oy1100 { return Ok(()); }
            for m in part.measurements.iter().filter(|m| m.value.is_some()) {
                prop_assert!(whole.measurements.iter().any(|w| key(w) == key(m)), "{} {:?}", family, m);
            }
        }
    }
}
