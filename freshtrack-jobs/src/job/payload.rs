//! The payload: a small JSON object of ids, counts, enum names and instants.
//!
//! [`Payload::private_fields`] is the test every registered kind's sample has to pass: no phone number,
//! address, name, message text or secret may enter a queue, because queues are read by operators,
//! dashboards and whoever shares the Redis.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Largest payload, as JSON.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024;

/// Longest text that can still be an enum name, a code or an id.
const WORD_CHARS_MAX: usize = 64;

/// Digits in a row that could be a telephone number.
const PHONE_DIGITS: usize = 7;

/// A payload that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadRefused {
    /// More than [`PAYLOAD_BYTES_MAX`].
    #[error("payload of {bytes} bytes is larger than {PAYLOAD_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a JSON object, or not JSON at all.
    #[error("payload is not a JSON object")]
    NotAnObject,
}

/// A JSON object of at most 16 KiB. Its `Debug` prints only the size.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Writes `value` as JSON.
    ///
    /// # Errors
    /// If it is no object or too large.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, PayloadRefused> {
        let text = serde_json::to_string(value).map_err(|_| PayloadRefused::NotAnObject)?;
        Self::from_json(&text)
    }

    /// Takes JSON as it was stored.
    ///
    /// # Errors
    /// If it is no object or too large.
    pub fn from_json(text: &str) -> Result<Self, PayloadRefused> {
        if text.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadRefused::TooLarge { bytes: text.len() });
        }
        match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(raw) if raw.get().starts_with('{') => Ok(Self(raw.get().into())),
            _ => Err(PayloadRefused::NotAnObject),
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Reads it as the kind's payload type.
    ///
    /// # Errors
    /// If the shape is another one.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Paths of values that are not an id, a count, an enum name or an instant.
    #[must_use]
    pub fn private_fields(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Ok(value) = serde_json::from_str::<Value>(&self.0) {
            collect_private("$", &value, &mut found);
        }
        found
    }
}

fn collect_private(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if !is_harmless(text) {
                found.push(path.to_owned());
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_private(&format!("{path}[{index}]"), item, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                collect_private(&format!("{path}.{name}"), field, found);
            }
        }
    }
}

/// Ids, instants and single words pass; anything a person could be reached by or read as a sentence does not.
fn is_harmless(text: &str) -> bool {
    let is_uuid = text.len() == 36 && text.parse::<freshtrack_core::ids::OrgId>().is_ok();
    let is_instant = text.parse::<freshtrack_core::time::Timestamp>().is_ok();
    is_uuid || is_instant || is_word(text)
}

fn is_word(text: &str) -> bool {
    text.chars().count() <= WORD_CHARS_MAX
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '/'))
        && longest_digit_run(text) < PHONE_DIGITS
}

fn longest_digit_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => run += 1,
            // separators people put into numbers
            '-' | '.' | '/' => {}
            _ => run = 0,
        }
        longest = longest.max(run);
    }
    longest
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn payloads_are_small_objects() {
        assert_eq!(Payload::from_json("[1]"), Err(PayloadRefused::NotAnObject));
        assert_eq!(Payload::from_json("{"), Err(PayloadRefused::NotAnObject));
        let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(PAYLOAD_BYTES_MAX - 8));
        assert_eq!(fits.len(), PAYLOAD_BYTES_MAX);
        assert!(Payload::from_json(&fits).is_ok());
        assert!(matches!(
            Payload::from_json(&format!("{fits} ")),
            Err(PayloadRefused::TooLarge { .. })
        ));
    }

    #[test]
    fn people_are_found_in_payloads() {
        let good = json!({
            "delivery": "018f3b1e-7d5a-7000-8000-000000000001",
            "at": "2026-03-14T06:41:09Z", "send": 2, "kind": "sms:send", "list": ["critical", null]
        });
        assert_eq!(
            Payload::of(&good).unwrap().private_fields(),
            Vec::<String>::new()
        );
        for (field, text) in [
            ("phone", "+436601234567"),
            ("phone2", "0660-123-4567"),
            ("email", "cook@example.org"),
            ("name", "Anna Huber"),
            ("text", "Kühlraum 3 ist zu warm"),
        ] {
            let payload = Payload::of(&json!({"deep": [{field: text}]})).unwrap();
            assert_eq!(payload.private_fields(), [format!("$.deep[0].{field}")]);
        }
    }
}
