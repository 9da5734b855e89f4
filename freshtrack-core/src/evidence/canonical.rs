//! The one byte sequence that stands for a record: RFC 8785 (JCS).
//!
//! Two programs that hash the same record must hash the same bytes, for ever. What JSON leaves open
//! (member order, spacing, number and string spelling) RFC 8785 fixes; [`leaf_bytes`] adds what the
//! evidence log demands beyond it.

use serde::Serialize;
use serde_json::Value;
use unicode_normalization::is_nfc;

/// Integers at and beyond 2^53 have no exact JCS form.
const INTEGER_LIMIT: u64 = 1 << 53;

/// Why a record has no canonical bytes. `at` is a JSON pointer (RFC 6901).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotCanonical {
    /// It does not serialise to JSON.
    #[error("does not serialise to JSON")]
    Unserialisable(#[from] serde_json::Error),
    /// An integer of 2^53 or beyond would be rounded.
    #[error("integer at {at:?} is 2^53 or beyond")]
    IntegerTooLarge {
        /// Where.
        at: String,
    },
    /// A fraction or exponent where only integers are allowed.
    #[error("number at {at:?} is not an integer")]
    Fraction {
        /// Where.
        at: String,
    },
    /// A null where the member should be absent.
    #[error("null at {at:?}")]
    Null {
        /// Where.
        at: String,
    },
    /// Text or a member name outside Unicode NFC.
    #[error("text at {at:?} is not in normalisation form C")]
    NotNormalised {
        /// Where.
        at: String,
    },
    /// A leaf that is not an object with a string `kind` and an integer `v`.
    #[error("leaf has no kind or no version")]
    Untyped,
}

/// RFC 8785 bytes of any record: what the audit chain hashes.
///
/// # Errors
/// [`NotCanonical::Unserialisable`], or [`NotCanonical::IntegerTooLarge`] since such a number would
/// silently become another one.
pub fn canonical_bytes<T: Serialize + ?Sized>(record: &T) -> Result<Vec<u8>, NotCanonical> {
    let value = serde_json::to_value(record)?;
    check(&value, &mut String::new(), Strictness::Json)?;
    Ok(serde_json_canonicalizer::to_vec(&value)?)
}

/// RFC 8785 bytes of an evidence leaf: integers only, no null, text in NFC, a `kind` and a `v`.
///
/// Times inside are expected as [`Timestamp::to_rfc3339_millis`](crate::time::Timestamp::to_rfc3339_millis)
/// writes them and temperatures as `{milli, unit}`; that is the record type's part.
///
/// # Errors
/// Every [`NotCanonical`] names the first offending place.
pub fn leaf_bytes<T: Serialize + ?Sized>(record: &T) -> Result<Vec<u8>, NotCanonical> {
    let value = serde_json::to_value(record)?;
    check(&value, &mut String::new(), Strictness::Leaf)?;
    let typed = value.get("kind").is_some_and(Value::is_string)
        && value.get("v").is_some_and(Value::is_u64);
    if !typed {
        return Err(NotCanonical::Untyped);
    }
    Ok(serde_json_canonicalizer::to_vec(&value)?)
}

#[derive(Clone, Copy, PartialEq)]
enum Strictness {
    Json,
    Leaf,
}

fn check(value: &Value, at: &mut String, strictness: Strictness) -> Result<(), NotCanonical> {
    let leaf = strictness == Strictness::Leaf;
    let here = |at: &str| at.to_owned();
    match value {
        Value::Null if leaf => Err(NotCanonical::Null { at: here(at) }),
        Value::Number(number) => {
            let magnitude = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(magnitude) if magnitude < INTEGER_LIMIT => Ok(()),
                Some(_) => Err(NotCanonical::IntegerTooLarge { at: here(at) }),
                None if leaf => Err(NotCanonical::Fraction { at: here(at) }),
                None => Ok(()),
            }
        }
        Value::String(text) if leaf && !is_nfc(text) => {
            Err(NotCanonical::NotNormalised { at: here(at) })
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| within(at, &index.to_string(), item, strictness)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if leaf && !is_nfc(name) {
                return Err(NotCanonical::NotNormalised { at: here(at) });
            }
            within(at, name, member, strictness)
        }),
    }
}

fn within(
    at: &mut String,
    name: &str,
    value: &Value,
    strictness: Strictness,
) -> Result<(), NotCanonical> {
    let length = at.len();
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
    let result = check(value, at, strictness);
    at.truncate(length);
    result
}
