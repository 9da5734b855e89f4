//! Decoding one frame on a workbench: what `freshtrack decode` prints.
//!
//! The same codecs and the same mapping as in production, with everything a frame does not carry taken from
//! the caller, and the result as JSON for people and scripts.

use crate::canonical::{CanonicalReading, Decoded, NoMeasurement};
#[cfg(feature = "js-codecs")]
use crate::codec::CodecInput;
#[cfg(feature = "js-codecs")]
use crate::codec::js::ScriptCodec;
use crate::codec::native::{Family, NativeProfile, decode_native};
use crate::codec::{Codec, CodecFailure, CodecOutput};
use crate::decode::{DecodePolicy, decode_event};
use crate::event::{DeviceIdentity, EventBody, LnsEvent};
use crate::lenient::NanoInstant;
use crate::uplink::{Payload, UplinkFrame};
use freshtrack_core::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// One frame to decode.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// By what.
    pub by: DecodeBy,
    /// The port; `None` means "not checked".
    pub port: Option<u8>,
    /// The payload.
    pub bytes: Vec<u8>,
    /// When it was received.
    pub received_at: Timestamp,
    /// The device's variables, for scripts.
    pub variables: Option<Value>,
}

/// What decodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DecodeBy {
    /// A family of [`device_names`], or `cayenne-lpp`.
    Device(String),
    /// The text of a formatter.
    Script(String),
}

/// Why a job could not be started; a frame that does not decode is a result, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJob {
    /// No family has this name.
    #[error("no device family is called {0:?}")]
    UnknownDevice(String),
    /// The line is not a job.
    #[error("not a job: {0}")]
    Line(String),
    /// The payload is not hexadecimal.
    #[error("the payload is not hexadecimal")]
    Hex,
    /// This build has no JavaScript engine.
    #[error("this build has no JavaScript engine (feature js-codecs)")]
    NoScripts,
}

/// A line of `--jsonl`: `{"device"|"js": …, "f_port": …, "hex": …, "recv_time"?: …, "variables"?: …}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    device: Option<String>,
    js: Option<String>,
    #[serde(default)]
    f_port: Option<u8>,
    hex: String,
    #[serde(default)]
    recv_time: Option<Timestamp>,
    #[serde(default)]
    variables: Option<Value>,
}

impl Job {
    /// Reads a line of `--jsonl`; without `recv_time` the frame was received `now`.
    ///
    /// `js` is the script itself; whoever wants to name a file reads it first.
    ///
    /// # Errors
    /// [`InvalidJob::Line`] for what is no job, [`InvalidJob::Hex`] for a payload that is none.
    pub fn from_line(line: &str, now: Timestamp) -> Result<Self, InvalidJob> {
        let line: Line =
            serde_json::from_str(line).map_err(|error| InvalidJob::Line(error.to_string()))?;
        let by = match (line.device, line.js) {
            (Some(device), None) => DecodeBy::Device(device),
            (None, Some(script)) => DecodeBy::Script(script),
            (Some(_), Some(_)) | (None, None) => {
                return Err(InvalidJob::Line("either device or js".to_owned()));
            }
        };
        Ok(Self {
            by,
            port: line.f_port,
            bytes: parse_hex(&line.hex)?,
            received_at: line.recv_time.unwrap_or(now),
            variables: line.variables,
        })
    }
}

/// Hexadecimal in any case; blanks, `:` and `-` between bytes are fine.
///
/// # Errors
/// [`InvalidJob::Hex`] for anything else, and for half a byte.
pub fn parse_hex(text: &str) -> Result<Vec<u8>, InvalidJob> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':' && *c != '-')
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits
        .filter(|d| d.len().is_multiple_of(2))
        .ok_or(InvalidJob::Hex)?;
    Ok(digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| high << 4 | low)
        .collect())
}

/// Every name `device` accepts, families first, then their other names.
#[must_use]
pub fn device_names() -> Vec<&'static str> {
    let families = Family::ALL.iter().map(|family| family.as_str());
    let others = Family::ALL
        .iter()
        .flat_map(|family| family.aliases().iter().copied());
    families.chain(others).chain([CAYENNE]).collect()
}

const CAYENNE: &str = "cayenne-lpp";

/// Decodes one frame: `{"codec": …, "readings": […], "warnings": […], "quarantine": …}`.
///
/// `codec` is what the codec itself said: `{"data", "warnings", "normalized"?}` of a script or `CayenneLPP`,
/// `{"no_measurement"?, "facts"}` of a family, or `{"error": {"class", "messages"}}`.
///
/// # Errors
/// [`InvalidJob`] if there is nothing to decode with.
pub fn decode_job(job: &Job) -> Result<Value, InvalidJob> {
    match &job.by {
        DecodeBy::Device(name) => decode_device(job, name),
        #[cfg(feature = "js-codecs")]
        DecodeBy::Script(source) => Ok(decode_script(job, source)),
        #[cfg(not(feature = "js-codecs"))]
        DecodeBy::Script(_) => Err(InvalidJob::NoScripts),
    }
}

fn decode_device(job: &Job, name: &str) -> Result<Value, InvalidJob> {
    if name.eq_ignore_ascii_case(CAYENNE) {
        let cayenne = Some(crate::codec::cayenne::CayenneProfile::default());
        let policy = DecodePolicy {
            cayenne,
            ..DecodePolicy::default()
        };
        let said = crate::codec::cayenne::cayenne_fields(&job.bytes);
        return Ok(report(job, &policy, None, &said_by_script(Ok(said))));
    }
    if let Ok(family) = name.parse::<Family>() {
        let profile = NativeProfile::new(family);
        let policy = DecodePolicy {
            native: Some(profile),
            ..DecodePolicy::default()
        };
        let said = decode_native(&profile, job.port, &job.bytes);
        let said = match said {
            Ok(decoded) => said_by_family(&decoded),
            Err(rejected) => {
                json!({"error": {"class": "rejected", "messages": [rejected.to_string()]}})
            }
        };
        return Ok(report(job, &policy, None, &said));
    }
    Err(InvalidJob::UnknownDevice(name.to_owned()))
}

#[cfg(feature = "js-codecs")]
fn decode_script(job: &Job, source: &str) -> Value {
    let policy = DecodePolicy::default();
    let codec = match ScriptCodec::new(source.as_bytes()) {
        Ok(codec) => codec,
        Err(failure) => return report(job, &policy, None, &said_by_script(Err(failure))),
    };
    let codec = match &job.variables {
        Some(variables) => codec.with_variables(variables.clone()),
        None => codec,
    };
    let input = CodecInput {
        bytes: &job.bytes,
        port: job.port,
        received_at: job.received_at,
    };
    let said = codec.decode(&input);
    // decoded once: what the script said is replayed into the record
    let replay = Replay(said.clone());
    report(job, &policy, Some(&replay), &said_by_script(said))
}

#[cfg(feature = "js-codecs")]
struct Replay(Result<CodecOutput, CodecFailure>);

#[cfg(feature = "js-codecs")]
impl Codec for Replay {
    fn decode(&self, _: &CodecInput<'_>) -> Result<CodecOutput, CodecFailure> {
        self.0.clone()
    }
}

fn report(job: &Job, policy: &DecodePolicy, script: Option<&dyn Codec>, said: &Value) -> Value {
    let nanos = job.received_at.as_micros().saturating_mul(1_000);
    let frame = UplinkFrame {
        port: job.port,
        payload: Payload::Clear(job.bytes.clone()),
        network_time: Some(NanoInstant::from_nanos(nanos)),
        ..UplinkFrame::default()
    };
    let event = LnsEvent {
        device: DeviceIdentity::default(),
        received_at: None,
        simulated: false,
        deduplication_id: None,
        correlation_ids: Vec::new(),
        body: EventBody::Uplink(Box::new(frame)),
    };
    let decoded = decode_event(&event, job.received_at, policy, script);
    let readings: Vec<Value> = decoded.readings.iter().map(reading).collect();
    json!({
        "codec": said,
        "readings": readings,
        "warnings": decoded.warnings,
        "quarantine": decoded.quarantine,
    })
}

/// A reading with value and unit beside each other, as people read it.
fn reading(reading: &CanonicalReading) -> Value {
    let mut written = json!(reading);
    if let Value::Object(members) = &mut written {
        let (value, unit) = match members.remove("value") {
            Some(Value::Object(mut inner)) => (inner.remove("value"), inner.remove("unit")),
            Some(_) | None => (None, None),
        };
        members.insert("value".to_owned(), value.unwrap_or(Value::Null));
        members.insert("unit".to_owned(), unit.unwrap_or(Value::Null));
    }
    written
}

fn said_by_script(said: Result<CodecOutput, CodecFailure>) -> Value {
    match said {
        Ok(output) => json!(output),
        Err(failure) => json!({"error": failure}),
    }
}

fn said_by_family(decoded: &Decoded) -> Value {
    let facts: serde_json::Map<String, Value> = decoded
        .facts
        .iter()
        .map(|fact| (fact.name.to_string(), fact.value.clone()))
        .collect();
    let nothing: Option<NoMeasurement> = decoded.no_measurement;
    json!({"no_measurement": nothing, "facts": facts, "warnings": decoded.warnings})
}
