//! Every port has a contract, and the contract calls every method.
//!
//! SQL is not checked when it is compiled, so an adapter's method that no rule calls is a statement
//! that was never executed. A port whose contract makes no sense says so in its module doc:
//! `//! no contract: <reason>`.

use super::tree::Tree;

const EXEMPTION: &str = "//! no contract:";

/// Findings about ports without a contract, and methods that no rule of it calls.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources() {
        let Some((krate, port)) = path.split_once("/src/ports/") else {
            continue;
        };
        if port.ends_with("mod.rs") || is_exempt(text) {
            continue;
        }
        let contract = format!("{krate}/src/testkit/{port}");
        let folder = contract.trim_end_matches(".rs");
        if !tree.exists(&contract) && !tree.is_folder(folder) {
            findings.push(format!("{path}: no contract suite {contract}"));
            continue;
        }
        let testkit = testkit_of(tree, krate);
        for method in methods(text) {
            if !calls(&testkit, method) {
                findings.push(format!("{path}: no contract rule calls `{method}`"));
            }
        }
    }
    findings
}

fn is_exempt(text: &str) -> bool {
    text.lines()
        .filter_map(|line| line.strip_prefix(EXEMPTION))
        .any(|reason| !reason.trim().is_empty())
}

/// All contract suites of a crate: rules may share what they have in common.
fn testkit_of(tree: &Tree, krate: &str) -> String {
    let folder = format!("{krate}/src/testkit/");
    let files = tree.sources().filter(|(path, _)| path.starts_with(&folder));
    files.map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// Names of the methods of the public traits at column 0 of `text`.
fn methods(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("pub trait ") {
            inside = !line.ends_with('}');
        } else if line.starts_with('}') {
            inside = false;
        } else if inside && let Some(name) = declared(line) {
            found.push(name);
        }
    }
    found
}

/// The name in a method declared one level deep.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ")?;
    let line = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("fn ")?;
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

fn calls(testkit: &str, method: &str) -> bool {
    testkit.match_indices(method).any(|(at, _)| {
        let before = testkit[..at].chars().next_back();
        let after = testkit[at + method.len()..].chars().next();
        matches!(before, Some('.' | ':')) && matches!(after, Some('(' | ':'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    const PORT: &str = "//! Port.\n\npub trait Shelf: Send {\n    /// Puts.\n    async fn put(&self);\n    async fn take(\n        &self,\n    );\n}\n";

    #[test]
    fn a_port_without_a_contract_is_found() {
        let tree = made_of(&[("a/src/ports/shelf.rs", PORT), ("a/src/ports/mod.rs", PORT)]);
        assert_eq!(check(&tree).len(), 1);
    }

    #[test]
    fn a_method_that_no_rule_calls_is_found() {
        let partial = "shelf.put().await; // not to take() it\nfn untake() {}\n";
        let tree = made_of(&[
            ("a/src/ports/shelf.rs", PORT),
            ("a/src/testkit/shelf.rs", partial),
        ]);
        assert_eq!(
            check(&tree),
            ["a/src/ports/shelf.rs: no contract rule calls `take`"]
        );
    }

    #[test]
    fn a_complete_contract_is_right_in_one_file_or_in_a_folder() {
        let whole = "shelf.put().await; Shelf::take(&shelf).await;";
        for suite in ["a/src/testkit/shelf.rs", "a/src/testkit/shelf/take.rs"] {
            let tree = made_of(&[("a/src/ports/shelf.rs", PORT), (suite, whole)]);
            assert_eq!(check(&tree), Vec::<String>::new());
        }
    }

    #[test]
    fn an_exemption_needs_a_reason() {
        let exempt = format!("//! no contract: it only rings a bell\n{PORT}");
        assert_eq!(
            check(&made_of(&[("a/src/ports/shelf.rs", &exempt)])),
            Vec::<String>::new()
        );
        let silent = format!("//! no contract:\n{PORT}");
        assert_eq!(
            check(&made_of(&[("a/src/ports/shelf.rs", &silent)])).len(),
            1
        );
    }
}
