//! `freshtrack decode`: what a payload means, by the codecs that the server uses.

use crate::cli::{Decode, Failure};
use crate::clock::SystemClock;
use anyhow::Context;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::bench::{DecodeBy, Job, decode_job, device_names, parse_hex};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

/// Longest value of `js` in a line that may be a file's name rather than a script.
const PATH_CHARS_MAX: usize = 4_096;

/// Decodes one payload, or one line of standard input after the other, and prints JSON.
///
/// # Errors
/// Exit 2 for a wrong flag. A payload that cannot be decoded is a result, not an error.
pub fn run(flags: &Decode) -> Result<ExitCode, Failure> {
    let now = SystemClock::start().now();
    if flags.jsonl {
        return lines(now);
    }
    let job = job(flags, now)?;
    let result = decode_job(&job).map_err(|error| Failure::Usage(words(&error.to_string())))?;
    let text = serde_json::to_string_pretty(&result).context("writing the result")?;
    #[expect(clippy::print_stdout, reason = "the result is the output")]
    {
        println!("{text}");
    }
    Ok(ExitCode::SUCCESS)
}

fn words(error: &str) -> String {
    if error.contains("family") {
        format!(
            "`--device`: {error}; it must be one of {}",
            device_names().join(", ")
        )
    } else {
        error.to_owned()
    }
}

fn job(flags: &Decode, now: Timestamp) -> Result<Job, Failure> {
    let by = match (&flags.device, &flags.js) {
        (Some(device), None) => DecodeBy::Device(device.clone()),
        (None, Some(file)) => DecodeBy::Script(
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?,
        ),
        _ => {
            return Err(Failure::Usage(
                "one of `--device` and `--js` is needed".to_owned(),
            ));
        }
    };
    let hex = flags
        .hex
        .as_deref()
        .ok_or_else(|| Failure::Usage("`--hex` is needed (or `--jsonl`)".to_owned()))?;
    let received_at = match &flags.recv_time {
        None => now,
        Some(text) => text.parse().map_err(|error| {
            Failure::Usage(format!("`--recv-time` is `{text}`, but it is {error}"))
        })?,
    };
    let variables = flags
        .variables
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| Failure::Usage(format!("`--variables` is not JSON: {error}")))?;
    Ok(Job {
        by,
        port: flags.f_port,
        bytes: parse_hex(hex).map_err(|error| Failure::Usage(format!("`--hex`: {error}")))?,
        received_at,
        variables,
    })
}

/// One answer per line, in order; a line that is no job is answered with what is wrong with it.
fn lines(now: Timestamp) -> Result<ExitCode, Failure> {
    let mut scripts = HashMap::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.context("reading standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(&line, now, &mut scripts);
        serde_json::to_writer(&mut out, &answer).context("writing an answer")?;
        out.write_all(b"\n").context("writing an answer")?;
    }
    out.flush().context("writing the answers")?;
    Ok(ExitCode::SUCCESS)
}

fn answer(line: &str, now: Timestamp, scripts: &mut HashMap<String, String>) -> Value {
    let decoded = Job::from_line(line, now).and_then(|mut job| {
        if let DecodeBy::Script(text) = &mut job.by
            && let Some(script) = file_text(text, scripts)
        {
            *text = script;
        }
        decode_job(&job)
    });
    decoded.unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

/// The script in the file of this name, if the text names a file; read once.
fn file_text(text: &str, scripts: &mut HashMap<String, String>) -> Option<String> {
    if text.len() > PATH_CHARS_MAX || text.contains('\n') {
        return None;
    }
    if let Some(script) = scripts.get(text) {
        return Some(script.clone());
    }
    let path = Path::new(text);
    let script = path
        .is_file()
        .then(|| std::fs::read_to_string(path).ok())??;
    scripts.insert(text.to_owned(), script.clone());
    Some(script)
}
