//! Identifiers of radios, devices and connections.
//!
//! A LoRaWAN identifier is bytes, not text: it is parsed in any case and with any separator, and always
//! printed as upper-case hexadecimal, so that two spellings never become two devices. The names a network
//! gives to devices and applications are text with a fixed alphabet, and a device *name* is never read as
//! a `DevEUI`, however much it may look like one.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The text was not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct InvalidIdentifier {
    /// Which kind was expected.
    pub kind: &'static str,
}

macro_rules! radio_ids {
    ($($(#[$doc:meta])* $name:ident, $bytes:literal, $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// From its bytes, most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes, most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;
            fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
                parse_hex(text).map(Self).ok_or(InvalidIdentifier { kind: $kind })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

radio_ids! {
    /// The globally unique identifier of a device, eight bytes.
    DevEui, 8, "DevEUI";
    /// The identifier of the join server a device belongs to, eight bytes.
    JoinEui, 8, "JoinEUI";
    /// The address a device has within its current session, four bytes.
    DevAddr, 4, "DevAddr";
}

/// Reads exactly `N` bytes of hexadecimal, in any case, with `-`, `:`, `.`, `_` or blanks between digits.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    let mut digits = 0;
    for c in text
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | '.' | '_' | ' '))
    {
        let digit = u8::try_from(c.to_digit(16)?).ok()?;
        let byte = bytes.get_mut(digits / 2)?;
        *byte = (*byte << 4) | digit;
        digits += 1;
    }
    (digits == N * 2).then_some(bytes)
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $valid:path;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as the network writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;
            fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
                if $valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidIdentifier { kind: $kind })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

text_ids! {
    /// What a network calls a device inside one application: 3–36 of `a-z 0-9`, single dashes between.
    DeviceName, "device name", is_network_name;
    /// An application of a network: 3–36 of `a-z 0-9`, single dashes between (a `ChirpStack` UUID fits).
    ApplicationId, "application id", is_network_name;
    /// The opaque token in the address a network calls us at; it alone selects the tenant.
    ///
    /// 22–64 of `A-Z a-z 0-9 _ -`: at least 128 random bits however they were written.
    ConnectionId, "connection id", is_opaque_token;
}

impl ConnectionId {
    /// Writes 128 random bits as `cn_` and 26 characters of Crockford's base 32.
    ///
    /// The caller owns the randomness; the bits must come from a cryptographic generator.
    #[must_use]
    pub fn from_random(bits: [u8; 16]) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut rest = u128::from_be_bytes(bits);
        let mut digits = [b'0'; 26];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[usize::try_from(rest & 31).unwrap_or(0)];
            rest >>= 5;
        }
        Self(format!("cn_{}", String::from_utf8_lossy(&digits)))
    }
}

/// `^[a-z0-9](?:[-]?[a-z0-9]){2,}$`, at most 36 characters.
///
/// Source: The Things Stack API, identifiers.
fn is_network_name(text: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    text.len() <= 36
        && bytes.iter().filter(|b| alnum(**b)).count() >= 3
        && bytes.iter().all(|b| alnum(*b) || *b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

fn is_opaque_token(text: &str) -> bool {
    (22..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eui_reads_in_any_spelling_and_prints_in_one() {
        for text in [
            "a84041ffff1c2d3e",
            "A8-40-41-FF-FF-1C-2D-3E",
            "a8:40:41:ff:ff:1c:2d:3e",
        ] {
            assert_eq!(
                text.parse::<DevEui>().unwrap().to_string(),
                "A84041FFFF1C2D3E"
            );
        }
        for text in [
            "",
            "a84041ffff1c2d3",
            "a84041ffff1c2d3e00",
            "sensor-a84041ffff1c2d3e",
        ] {
            assert!(text.parse::<DevEui>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn network_names_follow_the_network_s_rule() {
        for text in [
            "abc",
            "sensor-a84041ffff1c2d3e",
            "0-0-0",
            "b7a5e3f0-1111-2222-3333-444455556666",
        ] {
            assert!(text.parse::<DeviceName>().is_ok(), "{text:?}");
        }
        for text in [
            "",
            "ab",
            "a--b-c",
            "-abc",
            "abc-",
            "Abc",
            "abc_d",
            &"a".repeat(37),
        ] {
            assert!(text.parse::<DeviceName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_connection_id_carries_all_its_random_bits() {
        let id = ConnectionId::from_random([0xFF; 16]);
        assert_eq!(id.as_str(), "cn_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(id.as_str().parse::<ConnectionId>().unwrap(), id);
        assert!("cn_short".parse::<ConnectionId>().is_err());
        assert!(
            "cn_5X2Q8R7T1V4W9Y3Z6A0B7C1D2E/../x"
                .parse::<ConnectionId>()
                .is_err()
        );
    }
}
