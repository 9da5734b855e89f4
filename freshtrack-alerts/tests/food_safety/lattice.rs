//! The exact lattice, table 1.2.

use crate::build::celsius;
use freshtrack_alerts::food_safety::display::shown;
use freshtrack_alerts::food_safety::lattice::Operator::{Above, AtOrAbove, AtOrBelow, Below};
use freshtrack_alerts::food_safety::lattice::{Lattice, Measured, Threshold};
use freshtrack_core::temperature::TemperatureUnit::{C, F};
use proptest::prelude::*;

fn converted(milli: i32) -> Measured {
    Measured::ConvertedFromFahrenheit { milli }
}

fn fahrenheit(milli: i32) -> Measured {
    Measured::Fahrenheit { milli }
}

#[test]
fn table_of_readings_and_fahrenheit_limits() {
    let hot = Threshold::fahrenheit(Below, 135_000);
    let cold = Threshold::fahrenheit(Above, 41_000);
    let seventy = Threshold::fahrenheit(Above, 70_000);
    let roast = Threshold::fahrenheit(Below, 130_000);
    let eggs = Threshold::fahrenheit(Above, 45_000);
    for (value, limit, u_value, u_limit, violates) in [
        (celsius(57_100), hot, 513_900, 515_000, true),
        (celsius(57_222), hot, 514_998, 515_000, true),
        (converted(57_222), hot, 514_998, 515_000, false),
        (fahrenheit(135_000), hot, 515_000, 515_000, false),
        (celsius(57_223), hot, 515_007, 515_000, false),
        (celsius(5_000), cold, 45_000, 45_000, false),
        (celsius(5_001), cold, 45_009, 45_000, true),
        (celsius(21_100), seventy, 189_900, 190_000, false),
        (celsius(21_111), seventy, 189_999, 190_000, false),
        (celsius(21_112), seventy, 190_008, 190_000, true),
        (celsius(54_400), roast, 489_600, 490_000, true),
        (celsius(7_200), eggs, 64_800, 65_000, false),
        (celsius(7_223), eggs, 65_007, 65_000, true),
    ] {
        assert_eq!(value.lattice().steps(), u_value, "{value:?}");
        assert_eq!(limit.limit().steps(), u_limit, "{limit:?}");
        assert_eq!(
            limit.is_met_by(value),
            violates,
            "{value:?} against {limit:?}"
        );
    }
    assert_eq!(
        Lattice::from_milli(-18_000, C),
        Lattice::from_milli(-400, F)
    );
    assert_eq!(Lattice::from_milli(-18_000, C).steps(), -162_000);
}

#[test]
fn the_celsius_texts_are_rounded_and_would_pass_what_the_law_does_not() {
    assert!(!Threshold::celsius(Below, 57_000).is_met_by(celsius(57_100)));
    assert!(!Threshold::celsius(Below, 54_000).is_met_by(celsius(54_400)));
    assert!(Threshold::celsius(Above, 21_000).is_met_by(celsius(21_100)));
}

#[test]
fn the_operator_decides_exactly_the_boundary_reading() {
    let at_limit = celsius(-500);
    assert!(Threshold::celsius(AtOrBelow, -500).is_met_by(at_limit));
    assert!(!Threshold::celsius(Below, -500).is_met_by(at_limit));
    assert!(Threshold::celsius(AtOrAbove, -500).is_met_by(at_limit));
    assert!(!Threshold::celsius(Above, -500).is_met_by(at_limit));
    assert!(Threshold::celsius(AtOrAbove, 30_000).is_met_by(celsius(30_000)));
    assert!(!Threshold::celsius(AtOrAbove, 30_000).is_met_by(celsius(29_900)));
}

#[test]
fn calibration_is_added_in_the_sensors_unit() {
    assert_eq!(fahrenheit(40_900).calibrated(100), fahrenheit(41_000));
    assert_eq!(celsius(4_900).calibrated(100), celsius(5_000));
    assert_eq!(converted(4_900).calibrated(100), converted(5_000));
}

#[test]
fn a_shown_value_stays_on_its_side_of_the_limit() {
    let cold = Threshold::fahrenheit(Above, 41_000);
    let hot = Threshold::fahrenheit(Below, 135_000);
    assert_eq!(shown(celsius(5_001), cold, C, 1), "5.001");
    assert_eq!(shown(celsius(5_000), cold, C, 1), "5.0");
    assert_eq!(shown(celsius(5_001), cold, F, 1), "41.002");
    assert_eq!(shown(celsius(57_222), hot, F, 0), "134.9996");
    assert_eq!(shown(converted(57_222), hot, F, 0), "135");
    assert_eq!(
        shown(celsius(-18_000), Threshold::celsius(Above, -18_000), C, 1),
        "-18.0"
    );
    assert_eq!(
        shown(celsius(-17_960), Threshold::celsius(Above, -18_000), C, 1),
        "-17.96"
    );
    // half to even
    let far = Threshold::celsius(Above, 100_000);
    assert_eq!(shown(celsius(2_250), far, C, 1), "2.2");
    assert_eq!(shown(celsius(2_350), far, C, 1), "2.4");
    assert_eq!(shown(celsius(-50), far, C, 1), "0.0");
}

proptest! {
    #[test]
    fn every_fahrenheit_value_converted_to_milli_celsius_is_at_its_own_limit(milli in -100_000i32..400_000) {
        let rounded = fahrenheit(milli).temperature().milli_celsius();
        let limit = Lattice::from_milli(milli, F);
        prop_assert!(converted(rounded).versus(limit).is_eq());
    }

    #[test]
    fn showing_never_changes_the_side(milli in -60_000i32..120_000, limit in -60_000i32..120_000, decimals in 0u32..4, near in -3i32..=3) {
        for (value, op) in [(celsius(milli), Above), (fahrenheit(milli), Below), (celsius(limit + near), AtOrAbove), (fahrenheit(limit + near), AtOrBelow)] {
            for limit in [Threshold::celsius(op, limit), Threshold::fahrenheit(op, limit)] {
                let text = shown(value, limit, C, decimals);
                let number: f64 = text.parse().unwrap();
                let side = number * 9_000.0 - f64::from(i32::try_from(limit.limit().steps()).unwrap());
                let back = if side.abs() < 0.02 { std::cmp::Ordering::Equal } else { side.total_cmp(&0.0) };
                prop_assert_eq!(limit.op.holds(back), limit.is_met_by(value), "{} for {:?} at {:?}", text, value, limit);
            }
        }
    }
}
