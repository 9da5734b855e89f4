//! The checked-in API description: `openapi/v1.json`, and a copy that generators can read.
//!
//! The server prints its document; we keep it byte for byte. `openapi/v1.progenitor.json` is the
//! same with every JSON media type written as `application/json`, because client generators take
//! `application/problem+json` for raw bytes.

use crate::workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Media types that are JSON under another name.
const JSON_ALIASES: &[&str] = &[
    "application/problem+json",
    "application/json; charset=utf-8",
];
const JSON: &str = "application/json";

/// `cargo xtask openapi`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if the checked-in documents are not current.
    #[arg(long)]
    check: bool,
}

/// Builds the server, then writes or checks the documents.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut server = workspace::command(workspace::cargo())?;
    server.args([
        "run",
        "--quiet",
        "-p",
        "freshtrack-server",
        "--bin",
        "freshtrack",
        "--",
        "openapi",
    ]);
    let documents = Documents::from_server(&mut server)?;
    if args.check {
        documents.check()
    } else {
        documents.write()
    }
}

/// Checks the documents against a server that is already built.
pub(crate) fn check_with(server: &Path) -> Result<()> {
    Documents::from_server(workspace::command(server)?.arg("openapi"))?.check()
}

/// Both documents, by their path from the root.
#[derive(Debug)]
struct Documents([(&'static str, String); 2]);

impl Documents {
    fn from_server(command: &mut Command) -> Result<Self> {
        let line = workspace::shown(command);
        let output = command
            .output()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{line}` failed: {}\n{said}", output.status);
        }
        let document = String::from_utf8(output.stdout)?;
        let derived = for_generators(&document)?;
        Ok(Self([
            ("openapi/v1.json", document),
            ("openapi/v1.progenitor.json", derived),
        ]))
    }

    fn write(&self) -> Result<()> {
        for (path, text) in &self.0 {
            let file = workspace::root().join(path);
            fs::create_dir_all(file.parent().context("a file has a folder")?)?;
            fs::write(&file, text)?;
            println!("openapi: wrote {path}");
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        for (path, text) in &self.0 {
            let kept = fs::read_to_string(workspace::root().join(path)).unwrap_or_default();
            if let Some(line) = first_difference(&kept, text) {
                bail!("{path} is not current from line {line} on: run `cargo xtask openapi`");
            }
        }
        println!("openapi: the checked-in documents are current");
        Ok(())
    }
}

/// The first line, from 1, in which two texts differ; every byte counts.
fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left
        .split('\n')
        .zip(right.split('\n'))
        .take_while(|(a, b)| a == b)
        .count();
    Some(same + 1)
}

/// The document with one name for JSON.
///
/// Done in the text, not in a parsed tree: the order of its keys then stays the server's, whatever
/// features the JSON crate was built with.
fn for_generators(document: &str) -> Result<String> {
    let parsed: Value = serde_json::from_str(document).context("the document is not JSON")?;
    refuse_ambiguous(&parsed)?;
    let mut text = document.to_owned();
    for alias in JSON_ALIASES {
        text = text.replace(&format!("\"{alias}\""), &format!("\"{JSON}\""));
    }
    Ok(text)
}

/// Refuses a body that has two JSON media types: renamed, one would silently replace the other.
fn refuse_ambiguous(value: &Value) -> Result<()> {
    match value {
        Value::Object(members) => {
            let is_json = |key: &&String| *key == JSON || JSON_ALIASES.contains(&key.as_str());
            if members.keys().filter(is_json).count() > 1 {
                let keys: Vec<_> = members.keys().collect();
                bail!("a body is described under more than one JSON media type: {keys:?}");
            }
            members.values().try_for_each(refuse_ambiguous)
        }
        Value::Array(items) => items.iter().try_for_each(refuse_ambiguous),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_media_type_gets_one_name_and_nothing_else_changes() {
        let document = "{\n \"z\": {\"application/problem+json\": 1},\n \"a\": {\"application/json; charset=utf-8\": 2}\n}\n";
        let expected =
            "{\n \"z\": {\"application/json\": 1},\n \"a\": {\"application/json\": 2}\n}\n";
        assert_eq!(for_generators(document).unwrap(), expected);
    }

    #[test]
    fn a_body_with_two_json_media_types_is_refused() {
        let both = r#"{"content": [{"application/json": 1, "application/problem+json": 2}]}"#;
        assert!(for_generators(both).is_err());
        assert!(for_generators("not json").is_err());
    }

    #[test]
    fn a_single_byte_is_a_difference() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\nb\n", "a\nb"), Some(3));
        assert_eq!(first_difference("", "{}"), Some(1));
    }

    #[test]
    fn a_server_that_fails_is_an_error_with_its_words() {
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo no database >&2; exit 4"]);
        let error = Documents::from_server(&mut failing)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no database"), "{error}");
    }
}
