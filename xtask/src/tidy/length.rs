//! No file is longer than a reader's patience.

use super::tree::Tree;

/// Most lines of a source, its tests at the bottom not counted.
const MOST_LINES: usize = 600;

/// Findings about sources that are too long; `tests/` and `benches/` are free.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources() {
        if path
            .split('/')
            .any(|part| part == "tests" || part == "benches")
        {
            continue;
        }
        let lines = lines_before_tests(text);
        if lines > MOST_LINES {
            findings.push(format!(
                "{path}: {lines} lines without tests, at most {MOST_LINES}"
            ));
        }
    }
    findings
}

/// Lines above the `#[cfg(test)]`, at column 0, of a test module written in this file.
///
/// A `#[cfg(test)]` that stands above anything else (a `use`, a `mod tests;`) ends nothing, or one
/// such line near the top would hide a whole file.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_inline_module = |at: usize| {
        let below = lines[at + 1..].iter().find(|line| !line.starts_with('#'));
        below.is_some_and(|line| {
            (line.starts_with("mod ") || line.starts_with("pub mod ")) && line.ends_with('{')
        })
    };
    (0..lines.len())
        .find(|&at| lines[at].starts_with("#[cfg(test)]") && is_inline_module(at))
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    #[test]
    fn a_line_too_many_is_found_unless_it_is_a_test() {
        let full = "x\n".repeat(MOST_LINES);
        let over = format!("{full}x\n");
        let tested = format!("{full}#[cfg(test)]\nmod tests {{\n{full}}}\n");
        let hidden = format!("#[cfg(test)]\nmod tests;\n{full}");
        let tree = made_of(&[
            ("a/src/full.rs", &full),
            ("a/src/over.rs", &over),
            ("a/src/tested.rs", &tested),
            ("a/src/hidden.rs", &hidden),
            ("a/tests/it/over.rs", &over),
            ("a/benches/over.rs", &over),
            ("a/README.md", &over),
        ]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(
            findings[0].starts_with("a/src/hidden.rs: 602"),
            "{findings:?}"
        );
        assert!(
            findings[1].starts_with("a/src/over.rs: 601"),
            "{findings:?}"
        );
    }
}
