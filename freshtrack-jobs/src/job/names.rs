//! The small texts of a job, each with its rule.

use std::fmt;
use std::sync::Arc;

/// A name does not follow its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidName {
    /// Which name.
    pub what: &'static str,
    /// The rule it broke.
    pub rule: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $rule:literal, $check:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Checks the rule: ", $rule, ".")]
            ///
            /// # Errors
            /// If the text breaks the rule.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { what: $what, rule: $rule })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

names! {
    /// A queue, as existing tools know it: `sms-notifications`.
    QueueName = "queue", "1 to 64 of a-z, 0-9 and -", is_word;
    /// What is to be done: `sms:send`.
    Kind = "kind", "name:verb, each 1 to 64 of a-z, 0-9 and -", is_kind;
    /// Idempotency key, unique per queue and tenant.
    JobKey = "key", "1 to 128 characters, none of them a control character", is_key;
    /// A row of the policy table.
    PolicyName = "policy", "1 to 64 of a-z, 0-9 and -", is_word;
    /// A request id, carried into logs.
    Trace = "trace", "1 to 64 printable ASCII characters", is_printable;
    /// A provider's or our own code of a failure; never a text meant for people.
    Code = "code", "1 to 64 printable ASCII characters", is_printable;
    /// Why a job is done: `sent`, `already`, `no_content`.
    Reason = "reason", "1 to 64 of a-z, 0-9, _, : and -", is_reason;
}

impl Code {
    /// A code of this crate, known to follow the rule.
    pub(crate) fn known(text: &'static str) -> Self {
        debug_assert!(is_printable(text));
        Self(text.into())
    }
}

impl Reason {
    /// The plain reason: the work was done.
    #[must_use]
    pub fn done() -> Self {
        Self("done".into())
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_kind(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(name, verb)| is_word(name) && is_word(verb))
}

fn is_key(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_printable(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

fn is_reason(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b':' | b'-')
        })
}

/// Which slots a job runs in. Lanes never lend slots downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Pages of critical alerts.
    Critical,
    /// Other notifications, receipts, re-evaluation.
    Default,
    /// Digests, metering, exports, maintenance.
    Bulk,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Default, Self::Bulk];

    /// The word for it in labels and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Default => "default",
            Self::Bulk => "bulk",
        }
    }

    /// The number it is stored as; append-only.
    #[must_use]
    pub const fn to_stored(self) -> i16 {
        match self {
            Self::Critical => 0,
            Self::Default => 1,
            Self::Bulk => 2,
        }
    }

    /// Reads [`Lane::to_stored`] back.
    #[must_use]
    pub const fn from_stored(stored: i64) -> Option<Self> {
        match stored {
            0 => Some(Self::Critical),
            1 => Some(Self::Default),
            2 => Some(Self::Bulk),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        assert!(Kind::new("sms:send").is_ok());
        for bad in ["sms", "sms:", ":send", "sms:send:now", "SMS:send", ""] {
            assert!(Kind::new(bad).is_err(), "{bad}");
        }
        assert!(JobKey::new(&"ü".repeat(128)).is_ok());
        assert!(JobKey::new(&"ü".repeat(129)).is_err());
        assert!(JobKey::new("").is_err());
        assert!(JobKey::new("a\nb").is_err());
        assert!(QueueName::new("a:b").is_err());
    }

    #[test]
    fn lanes_read_back_as_written() {
        for lane in Lane::ALL {
            assert_eq!(Lane::from_stored(lane.to_stored().into()), Some(lane));
        }
        assert_eq!(Lane::from_stored(3), None);
    }
}
