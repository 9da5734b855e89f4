//! A tenant's own JavaScript formatter, in a `QuickJS` sandbox.
//!
//! Every call gets a fresh runtime with a bounded heap, stack, amount of work and time. The amount of work is
//! counted in interrupt callbacks, so the same script fails at the same place on a busy machine as on an idle
//! one; the clock is only a backstop. Nothing of one call is seen by the next.
//!
//! The script is evaluated as it stands, in sloppy mode, and never pasted into other text: no comment or
//! bracket in it can reach our code.

mod vm;

pub use vm::ScriptLimits;

use super::{Codec, CodecFailure, CodecInput, CodecOutput, FailureClass};
use crate::mapping::check_normalized;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use vm::{Task, execute};

/// The largest script that is compiled at all.
pub const SCRIPT_BYTES_MAX: usize = 128 * 1024;

/// A formatter script.
#[derive(Clone, Debug)]
pub struct ScriptCodec {
    source: Arc<str>,
    variables: Option<Value>,
    limits: ScriptLimits,
}

/// A downlink a script made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedDownlink {
    /// The payload.
    pub bytes: Vec<u8>,
    /// The port: the script's, else the caller's, else 1.
    pub port: u8,
    /// For a person.
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    more: Vec<String>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    normalized: Vec<Value>,
    #[serde(default)]
    normalizer: bool,
    #[serde(default)]
    bytes: Value,
    #[serde(default, rename = "fPort")]
    port: Value,
}

impl ScriptCodec {
    /// Takes a script as its author wrote it; it is compiled at every call.
    ///
    /// # Errors
    /// [`FailureClass::TooLarge`] beyond [`SCRIPT_BYTES_MAX`], [`FailureClass::Syntax`] if it is not text,
    /// [`FailureClass::BadOutput`] if it has big integers.
    pub fn new(source: &[u8]) -> Result<Self, CodecFailure> {
        if source.len() > SCRIPT_BYTES_MAX {
            return Err(failure(
                FailureClass::TooLarge,
                "the script is larger than 128 kB",
            ));
        }
        match std::str::from_utf8(source) {
            Ok(text) if has_big_integer(text) => Err(failure(
                FailureClass::BadOutput,
                "big integers are not available",
            )),
            Ok(text) if !text.contains('\0') => Ok(Self {
                source: Arc::from(text),
                variables: None,
                limits: ScriptLimits::default(),
            }),
            Ok(_) | Err(_) => Err(failure(FailureClass::Syntax, "the script is not text")),
        }
    }

    /// With the device's variables, which `ChirpStack` hands to its scripts.
    #[must_use]
    pub fn with_variables(self, variables: Value) -> Self {
        Self {
            variables: Some(variables),
            ..self
        }
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(self, limits: ScriptLimits) -> Self {
        Self { limits, ..self }
    }

    /// Asks `encodeDownlink` for a payload.
    ///
    /// # Errors
    /// [`CodecFailure`] by its class; [`FailureClass::BadOutput`] if what it returns are not bytes.
    pub fn encode_downlink(
        &self,
        data: &Value,
        port: Option<u8>,
        now: freshtrack_core::time::Timestamp,
    ) -> Result<EncodedDownlink, CodecFailure> {
        let input = json!({"data": data, "fPort": port});
        let answer = self.ask(Task::EncodeDownlink, &input, now)?;
        let byte = |v: &Value| v.as_u64().and_then(|n| u8::try_from(n).ok());
        let bytes = match &answer.bytes {
            Value::Array(items) => items.iter().map(byte).collect::<Option<Vec<u8>>>(),
            Value::Null => Some(Vec::new()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
        };
        let bytes = bytes.ok_or_else(|| failure(FailureClass::BadOutput, "bytes are not bytes"))?;
        let port = match &answer.port {
            Value::Null => port.unwrap_or(1),
            given => byte(given).ok_or_else(|| failure(FailureClass::BadOutput, "not a port"))?,
        };
        Ok(EncodedDownlink {
            bytes,
            port,
            warnings: answer.warnings,
        })
    }

    /// Asks `decodeDownlink` what a payload means.
    ///
    /// # Errors
    /// [`CodecFailure`] by its class.
    pub fn decode_downlink(&self, input: &CodecInput<'_>) -> Result<CodecOutput, CodecFailure> {
        let given = json!({"bytes": input.bytes, "fPort": input.port});
        let answer = self.ask(Task::DecodeDownlink, &given, input.received_at)?;
        Ok(CodecOutput {
            data: answer.data,
            warnings: answer.warnings,
            normalized: Vec::new(),
        })
    }

    fn ask(
        &self,
        task: Task,
        input: &Value,
        now: freshtrack_core::time::Timestamp,
    ) -> Result<Answer, CodecFailure> {
        let text = execute(&self.source, task, &input.to_string(), now, &self.limits)?;
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|_| failure(FailureClass::BadOutput, "the output is not JSON"))?;
        if answer.errors.is_empty() {
            Ok(answer)
        } else {
            Err(CodecFailure {
                class: FailureClass::ScriptErrors,
                messages: answer.errors,
            })
        }
    }
}

impl Codec for ScriptCodec {
    fn decode(&self, input: &CodecInput<'_>) -> Result<CodecOutput, CodecFailure> {
        let mut given = json!({"bytes": input.bytes});
        if let Some(port) = input.port {
            given["fPort"] = json!(port);
        }
        if let Some(variables) = &self.variables {
            given["variables"] = variables.clone();
        }
        let mut answer = self.ask(Task::DecodeUplink, &given, input.received_at)?;
        answer.warnings.append(&mut answer.more);
        if !answer.normalizer && answer.data.as_object().is_some_and(|data| !data.is_empty()) {
            let whole = std::slice::from_ref(&answer.data);
            if let Ok((fitting, warnings)) = check_normalized(whole)
                && warnings.is_empty()
            {
                answer.normalized = fitting;
            }
        }
        Ok(CodecOutput {
            data: answer.data,
            warnings: answer.warnings,
            normalized: answer.normalized,
        })
    }
}

/// Whether the text has a literal such as `10n` anywhere.
///
/// One operation on big integers can take longer than all limits and cannot be interrupted, and they have no
/// JSON form anyway. Comments and strings are not skipped: telling them apart from the code around them is
/// what a hostile script would attack.
fn has_big_integer(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.split(|c: char| !word(c)).any(|token| {
        token.starts_with(|c: char| c.is_ascii_digit())
            && token.ends_with('n')
            && token[..token.len() - 1]
                .chars()
                .all(|c| c.is_ascii_hexdigit() || "_xXoO".contains(c))
    })
}

fn failure(class: FailureClass, message: &str) -> CodecFailure {
    CodecFailure {
        class,
        messages: vec![message.to_owned()],
    }
}
