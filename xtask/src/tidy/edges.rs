//! The rule of dependency: which crate may name which.

use crate::workspace;
use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;

/// The crates that know the domain, and which of ours each may name.
const DOMAIN: &[(&str, &[&str])] = &[
    ("freshtrack-core", &[]),
    ("freshtrack-alerts", &["freshtrack-core"]),
    ("freshtrack-realtime", &["freshtrack-core"]),
    ("freshtrack-jobs", &["freshtrack-core"]),
    ("freshtrack-ttn", &["freshtrack-core"]),
];
/// Crates that wire everything together, and may name anything.
const OUTER: &[&str] = &["freshtrack-server", "xtask"];
/// What only the outer crates may name: the web framework, the command line, the configuration.
const OUTER_ONLY: &[&str] = &["poem", "poem-openapi", "clap", "config"];
/// What no domain crate may pull in with its default features.
const NOT_BY_DEFAULT: &[&str] = &[
    "sqlx",
    "sqlx-core",
    "redis",
    "poem",
    "poem-openapi",
    "reqwest",
    "hyper",
    "mio",
    "bullmq-official",
    "rumqttc",
    "rquickjs",
];

/// One line of a manifest's dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The crate that names the other.
    pub(super) from: String,
    /// Whether it is an example.
    pub(super) from_example: bool,
    /// The crate that is named.
    pub(super) to: String,
    /// Whether only a feature brings it in.
    pub(super) optional: bool,
}

/// The edges between our crates and everything they name, of every kind (normal, dev, build).
pub(super) fn from_metadata(metadata: &Metadata) -> Vec<Edge> {
    let examples = metadata.workspace_root.join("examples");
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        edges.extend(package.dependencies.iter().map(|dependency| Edge {
            from: package.name.to_string(),
            from_example: package.manifest_path.starts_with(&examples),
            to: dependency.name.clone(),
            optional: dependency.optional,
        }));
    }
    edges
}

/// Findings about edges that the architecture forbids.
pub(super) fn check(edges: &[Edge]) -> Vec<String> {
    edges
        .iter()
        .filter_map(|edge| Some(finding(edge, refusal(edge)?)))
        .collect()
}

fn finding(edge: &Edge, reason: &str) -> String {
    format!(
        "{}/Cargo.toml: may not depend on {}: {reason}",
        edge.from, edge.to
    )
}

fn refusal(edge: &Edge) -> Option<&'static str> {
    let from = edge.from.as_str();
    if edge.from_example || OUTER.contains(&from) {
        return None;
    }
    let Some((_, allowed)) = DOMAIN.iter().find(|(name, _)| *name == from) else {
        return Some("a workspace member that the architecture does not know");
    };
    let ours = edge.to.starts_with("freshtrack-") && edge.to != from;
    if ours && !allowed.contains(&edge.to.as_str()) {
        return Some("siblings never depend on each other, and nothing on the server");
    }
    if OUTER_ONLY.contains(&edge.to.as_str()) {
        return Some("only the server (and examples) names it");
    }
    if edge.to == "sqlx" && !(from == "freshtrack-jobs" && edge.optional) {
        return Some("only the server, and features of freshtrack-jobs, speak SQL");
    }
    None
}

/// Findings about what a domain crate pulls in when its features are left at their defaults.
pub(super) fn check_domain_trees() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, _) in DOMAIN {
        let mut tree = workspace::command(workspace::cargo())?;
        tree.args(["tree", "--offline", "--locked", "-p", name, "-e", "normal"]);
        tree.args(["--prefix", "none", "--format", "{p}|{f}"]);
        let output = tree.output().context("cannot start cargo tree")?;
        if !output.status.success() {
            bail!(
                "cargo tree failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        findings.extend(check_tree(name, &String::from_utf8(output.stdout)?));
    }
    Ok(findings)
}

/// `listing` has one `name version (…)|feature,feature` a line.
fn check_tree(from: &str, listing: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for line in listing.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        if NOT_BY_DEFAULT.contains(&name) {
            findings.push(format!("{from}: default features pull in {name}"));
        }
        if name == "tokio"
            && features
                .trim_end_matches(" (*)")
                .split(',')
                .any(|f| f == "net")
        {
            findings.push(format!(
                "{from}: default features pull in tokio's sockets (`net`)"
            ));
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: from.to_owned(),
            from_example: false,
            to: to.to_owned(),
            optional: false,
        }
    }

    #[test]
    fn each_forbidden_edge_is_found() {
        for (from, to) in [
            ("freshtrack-core", "freshtrack-alerts"),
            ("freshtrack-alerts", "freshtrack-jobs"),
            ("freshtrack-jobs", "freshtrack-realtime"),
            ("freshtrack-realtime", "freshtrack-server"),
            ("freshtrack-ttn", "poem"),
            ("freshtrack-core", "clap"),
            ("freshtrack-alerts", "sqlx"),
            ("freshtrack-jobs", "sqlx"),
            ("freshtrack-extra", "serde"),
        ] {
            assert_eq!(check(&[edge(from, to)]).len(), 1, "{from} -> {to}");
        }
    }

    #[test]
    fn the_edges_of_the_architecture_are_allowed() {
        let mut behind_a_feature = edge("freshtrack-jobs", "sqlx");
        behind_a_feature.optional = true;
        let mut example = edge("embedded", "freshtrack-server");
        example.from_example = true;
        for edge in [
            edge("freshtrack-alerts", "freshtrack-core"),
            edge("freshtrack-core", "freshtrack-core"),
            edge("freshtrack-core", "serde"),
            edge("freshtrack-server", "poem"),
            edge("freshtrack-server", "freshtrack-ttn"),
            edge("xtask", "clap"),
            behind_a_feature,
            example,
        ] {
            assert_eq!(
                check(std::slice::from_ref(&edge)),
                Vec::<String>::new(),
                "{edge:?}"
            );
        }
    }

    #[test]
    fn a_heavy_default_is_found_and_a_light_one_is_not() {
        let light = "freshtrack-jobs v0.1.0 (here)|\ntokio v1.54.1|macros,rt,sync,time\n";
        assert_eq!(check_tree("freshtrack-jobs", light), Vec::<String>::new());
        let heavy = "sqlx v0.9.0|sqlite\ntokio v1.54.1|macros,net,rt (*)\nsqlx v0.9.0|sqlite (*)\n";
        assert_eq!(check_tree("freshtrack-jobs", heavy).len(), 2);
    }
}
