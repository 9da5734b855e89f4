//! Exact decimal text to whole thousandths, without passing through a float.

/// What a decimal text means in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milli {
    /// Thousandths, rounded half away from zero.
    Value(i32),
    /// A number, but beyond 32 bits of thousandths.
    TooLarge,
    /// Not a finite decimal number.
    NotANumber,
}

/// Longest text that is looked at; a longer one is not a sensible number.
const MAX_LENGTH: usize = 64;

/// Reads `[+-]digits[.digits][e[+-]digits]` as thousandths.
#[must_use]
pub fn parse_milli(text: &str) -> Milli {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return Milli::NotANumber;
    }
    let (negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => match parse_exponent(&unsigned[at + 1..]) {
            Some(exponent) => (&unsigned[..at], exponent),
            None => return Milli::NotANumber,
        },
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let only_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !only_digits(whole) || !only_digits(fraction) {
        return Milli::NotANumber;
    }
    match scale(whole, fraction, exponent) {
        Some(milli) => i32::try_from(if negative { -milli } else { milli })
            .map_or(Milli::TooLarge, Milli::Value),
        None => Milli::TooLarge,
    }
}

/// An exponent, clamped so that arithmetic on it cannot overflow.
fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse::<i32>().unwrap_or(i32::MAX).min(100_000);
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// `whole.fraction × 10^exponent` in thousandths, or nothing if that is beyond 64 bits.
fn scale(whole: &str, fraction: &str, exponent: i32) -> Option<i64> {
    // The value is `digits × 10^-shift` thousandths.
    let shift = i32::try_from(fraction.len()).ok()? - exponent - 3;
    let digits = || {
        whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|b| *b == b'0')
    };
    let count = i32::try_from(digits().count()).ok()?;
    if count == 0 {
        return Some(0);
    }
    let kept = count - shift; // digits left of the rounding position
    if kept > 18 {
        return None;
    }
    if kept < 0 {
        return Some(0);
    }
    let mut value: i64 = 0;
    let mut source = digits();
    for _ in 0..kept {
        value = value * 10 + i64::from(source.next().unwrap_or(b'0') - b'0');
    }
    let half_or_more = source.next().is_some_and(|next| next >= b'5');
    Some(value + i64::from(half_or_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero_beyond_three_decimals() {
        for (text, milli) in [
            ("1.2345", 1_235),
            ("-1.2345", -1_235),
            ("1.2344999", 1_234),
            ("0.0005", 1),
            ("-0.0005", -1),
            ("0.0004", 0),
            ("5e-1", 500),
            ("5E-4", 1),
            ("12.5e2", 1_250_000),
            (".5", 500),
            ("5.", 5_000),
            ("-0", 0),
            ("0000012", 12_000),
            ("0e99999999", 0),
        ] {
            assert_eq!(parse_milli(text), Milli::Value(milli), "{text}");
        }
    }

    #[test]
    fn tells_too_large_from_not_a_number() {
        assert_eq!(parse_milli("1e308"), Milli::TooLarge);
        assert_eq!(parse_milli("3000000"), Milli::TooLarge);
        assert_eq!(parse_milli("1e-308"), Milli::Value(0));
        for text in ["", ".", "-", "e5", "1e", "1e+", "1.2.3", " 1", "1 ", "١"] {
            assert_eq!(parse_milli(text), Milli::NotANumber, "{text:?}");
        }
    }
}
