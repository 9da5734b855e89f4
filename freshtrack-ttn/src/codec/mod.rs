//! Codecs: from payload bytes to measurements or to JSON.

#[cfg(feature = "cayenne")]
pub mod cayenne;
#[cfg(feature = "js-codecs")]
pub mod js;
#[cfg(feature = "native-codecs")]
pub mod native;

use freshtrack_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One frame, as a codec sees it. Time is given: a codec never asks a clock.
#[derive(Clone, Copy, Debug)]
pub struct CodecInput<'a> {
    /// The payload.
    pub bytes: &'a [u8],
    /// The port; `None` means "not checked".
    pub port: Option<u8>,
    /// When the network received it.
    pub received_at: Timestamp,
}

/// A formatter: bytes to JSON.
///
/// Implementations are bounded in time and memory whatever the bytes and the script.
pub trait Codec: Send + Sync {
    /// Decodes one frame.
    ///
    /// # Errors
    /// [`CodecFailure`] with its class; the message itself is kept either way.
    fn decode(&self, input: &CodecInput<'_>) -> Result<CodecOutput, CodecFailure>;
}

/// What a formatter made of a frame.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct CodecOutput {
    /// Its fields.
    pub data: Value,
    /// For a person.
    pub warnings: Vec<String>,
    /// Normalised measurements, if the formatter makes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub normalized: Vec<Value>,
}

/// Why a formatter gave nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[error("the formatter failed: {}", class.as_str())]
pub struct CodecFailure {
    /// What kind of failure.
    pub class: FailureClass,
    /// What the script said, bounded.
    pub messages: Vec<String>,
}

/// Kinds of failure, told apart by the state of the limits and never by the text of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureClass {
    /// Does not compile.
    Syntax,
    /// Has no decoding function.
    NoEntryPoint,
    /// Threw.
    Threw,
    /// Reported errors of its own.
    ScriptErrors,
    /// Used up its work.
    WorkBudget,
    /// Used up its time.
    Deadline,
    /// Used up its memory.
    Memory,
    /// Used up its stack.
    Stack,
    /// Returned what is not JSON.
    BadOutput,
    /// Script or output beyond the limits.
    TooLarge,
}

impl FailureClass {
    /// The name used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::NoEntryPoint => "no_entry_point",
            Self::Threw => "threw",
            Self::ScriptErrors => "script_errors",
            Self::WorkBudget => "work_budget",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::BadOutput => "bad_output",
            Self::TooLarge => "too_large",
        }
    }
}
