//! Reading JSON that was written by somebody else's encoder.
//!
//! Network servers omit zero values, write 64-bit integers as strings or as numbers, enums as names or as
//! integers, and rename nothing but add much. Every reader here therefore takes what it can and says
//! `None` otherwise; nothing here fails a message.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use freshtrack_core::time::{Span, Timestamp};
use serde_json::Value;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// An instant in nanoseconds since 1970, for identity; everything else uses [`Timestamp`].
///
/// An idempotency key made of truncated instants would depend on who truncated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NanoInstant(i64);

impl NanoInstant {
    /// Reads RFC 3339; year 1 is how some encoders write "absent".
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = chrono::DateTime::parse_from_rfc3339(text.trim()).ok()?;
        parsed.timestamp_nanos_opt().map(Self)
    }

    /// The instant `nanos` nanoseconds after 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The instant in whole microseconds.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_micros(self.0.div_euclid(1_000))
    }
}

/// Base64 in either alphabet, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .ok()
}

/// The member `key`, unless it is missing or null.
pub(crate) fn member<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// A non-empty text.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    member(object, key)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// A text parsed into something.
pub(crate) fn parsed<T: std::str::FromStr>(object: &Value, key: &str) -> Option<T> {
    text(object, key)?.parse().ok()
}

/// An unsigned integer, written as a number or as a string.
pub(crate) fn unsigned(object: &Value, key: &str) -> Option<u64> {
    let value = member(object, key)?;
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
        .or_else(|| whole(value.as_f64()?))
}

/// A finite number, written as a number or as a string.
pub(crate) fn number(object: &Value, key: &str) -> Option<f64> {
    let value = member(object, key)?;
    value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())
        .filter(|n: &f64| n.is_finite())
}

/// A boolean; absent is false.
pub(crate) fn flag(object: &Value, key: &str) -> bool {
    member(object, key)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// An instant; year 1 counts as absent.
pub(crate) fn instant(object: &Value, key: &str) -> Option<NanoInstant> {
    text(object, key).and_then(NanoInstant::parse)
}

/// A duration such as `"0.370688s"`, or a number of seconds.
pub(crate) fn duration(object: &Value, key: &str) -> Option<Span> {
    let value = member(object, key)?;
    let seconds: f64 = match value.as_str() {
        Some(text) => text.trim().strip_suffix('s').unwrap_or(text).parse().ok()?,
        None => value.as_f64()?,
    };
    // beyond ten years it is not a duration of anything here
    if !seconds.is_finite() || seconds.abs() > 315_360_000.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above to 3.2e14")]
    let micros = (seconds * 1e6).round() as i64;
    Some(Span::from_micros(micros))
}

/// An enum written as a name, or as the integer that stands at that place in `names`.
pub(crate) fn enumerated(object: &Value, key: &str, names: &[&str]) -> Option<String> {
    let value = member(object, key)?;
    if let Some(name) = value.as_str() {
        return (!name.is_empty()).then(|| name.to_owned());
    }
    let number = value.as_u64()?;
    let name = usize::try_from(number)
        .ok()
        .and_then(|n| names.get(n).copied());
    Some(name.map_or_else(|| number.to_string(), str::to_owned))
}

/// The strings of a list; what is not a string is left out.
pub(crate) fn strings(object: &Value, key: &str) -> Vec<String> {
    list(object, key)
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// A list; absent is empty.
pub(crate) fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    member(object, key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole, not negative and below 2^53"
    )]
    exact.then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn integers_come_as_numbers_or_strings_and_absent_is_absent() {
        let v = json!({"a": "904700000", "b": 904_700_000_u32, "c": "-1180", "d": null, "e": 3.0, "f": 3.5});
        assert_eq!(unsigned(&v, "a"), Some(904_700_000));
        assert_eq!(unsigned(&v, "b"), Some(904_700_000));
        assert_eq!(number(&v, "c"), Some(-1180.0));
        assert_eq!(
            (unsigned(&v, "d"), unsigned(&v, "z"), unsigned(&v, "f")),
            (None, None, None)
        );
        assert_eq!(unsigned(&v, "e"), Some(3));
    }

    #[test]
    fn durations_and_enums_read_in_every_spelling() {
        let v = json!({"a": "0.370688s", "b": 2, "c": "soon", "s": "SOURCE_GPS", "n": 1, "x": 77});
        assert_eq!(duration(&v, "a"), Some(Span::from_micros(370_688)));
        assert_eq!(duration(&v, "b"), Some(Span::from_seconds(2)));
        assert_eq!(duration(&v, "c"), None);
        let names = ["SOURCE_UNKNOWN", "SOURCE_GPS"];
        assert_eq!(enumerated(&v, "s", &names), enumerated(&v, "n", &names));
        assert_eq!(enumerated(&v, "x", &names).as_deref(), Some("77"));
    }

    #[test]
    fn year_one_is_absent() {
        let v = json!({"t": "0001-01-01T00:00:00Z", "u": "2026-03-14T06:41:09Z", "o": "2026-03-14T07:41:09+01:00"});
        assert_eq!(instant(&v, "t"), None);
        assert_eq!(instant(&v, "u"), instant(&v, "o"));
        assert!(instant(&v, "u").is_some());
    }

    #[test]
    fn base64_reads_in_both_alphabets_with_or_without_padding() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(
                decode_base64(text).as_deref(),
                Some(&[0xFB, 0xFF][..]),
                "{text}"
            );
        }
        assert_eq!(decode_base64("not base64!"), None);
    }

    proptest! {
        #[test]
        fn any_number_of_fraction_digits_is_read(nanos in 0_i64..1_000_000_000, digits in 0_usize..=9) {
            let cut = nanos - nanos % 10_i64.pow(u32::try_from(9 - digits).unwrap());
            let fraction = format!("{nanos:09}");
            let dot = if digits == 0 { "" } else { "." };
            let text = format!("2026-03-14T06:41:09{dot}{}Z", &fraction[..digits]);
            prop_assert_eq!(NanoInstant::parse(&text).unwrap().as_nanos() % 1_000_000_000, cut);
        }
    }
}
