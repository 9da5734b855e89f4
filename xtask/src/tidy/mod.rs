//! Rules of the house that no compiler checks.
//!
//! Each check is a function from a [`Tree`] of files (or from cargo's own account of the crates) to
//! a list of findings, so that every one is tested on a bad tree that it must refuse.

mod edges;
mod forbidden;
mod length;
mod migrations;
mod names;
mod paths;
mod ports;
mod source;
mod tree;

use crate::workspace;
use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use tree::Tree;

/// Names words that no file may hold, separated by commas; for the owner of a clone, hence not kept here.
const FORBIDDEN_VARIABLE: &str = "FRESHTRACK_FORBIDDEN";

/// Runs every check and prints each finding.
///
/// # Errors
/// There was at least one finding.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let tree = Tree::read(&root)?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(vec!["--offline".to_owned(), "--locked".to_owned()])
        .no_deps()
        .exec()
        .context("cargo metadata failed")?;

    let mut findings = edges::check(&edges::from_metadata(&metadata));
    findings.extend(edges::check_domain_trees()?);
    findings.extend(length::check(&tree));
    findings.extend(names::check(&tree));
    findings.extend(source::check(&tree));
    findings.extend(ports::check(&tree));
    findings.extend(migrations::check(&tree));
    findings.extend(paths::check(&tree));
    let words = std::env::var_os(FORBIDDEN_VARIABLE).unwrap_or_default();
    findings.extend(forbidden::check(&tree, &words.to_string_lossy()));

    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} finding(s)", findings.len());
    }
    println!("tidy: {} files, nothing to find fault with", tree.len());
    Ok(())
}
