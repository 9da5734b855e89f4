//! A path that a document names exists.
//!
//! Unwatched documents rot. Looked at are links and code spans of Markdown files (not fenced
//! blocks); a path counts from the document's folder or from the root. Not paths: URLs, routes,
//! anything with a placeholder such as `<name>`, build results.

use super::tree::{Tree, has_extension};

/// Extensions by which a code span is taken for the path of a file.
const EXTENSIONS: &[&str] = &[
    "rs", "md", "toml", "json", "yml", "yaml", "sql", "sh", "html", "css", "js", "mjs", "ts",
    "lock", "csv", "txt", "py", "svg", "service", "conf",
];

/// Findings about paths that do not exist.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (document, text) in tree.texts().filter(|(path, _)| has_extension(path, "md")) {
        let mut fenced = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if fenced {
                continue;
            }
            let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
            for missing in missing_in(tree, folder, line) {
                findings.push(format!("{document}:{number}: `{missing}` does not exist"));
            }
        }
    }
    findings
}

fn missing_in(tree: &Tree, folder: &str, line: &str) -> Vec<String> {
    let linked = link_targets(line)
        .into_iter()
        .filter(|target| is_local(target));
    let spans = code_spans(line)
        .into_iter()
        .filter(|span| is_path(tree, folder, span));
    linked
        .chain(spans)
        .flat_map(|path| alternatives(without_position(path)))
        .filter(|path| !found(tree, folder, path))
        .collect()
}

/// The parts between single backticks.
fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The `target` of each `[text](target)`, without anchor and title.
fn link_targets(line: &str) -> Vec<&str> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter_map(|target| target.split(['#', ' ']).next())
        .filter(|target| !target.is_empty())
        .collect()
}

fn is_local(target: &str) -> bool {
    !target.contains(':') && !target.starts_with('/') && !target.contains(['<', '$'])
}

/// Whether a code span reads like a path of this repository.
fn is_path(tree: &Tree, folder: &str, span: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-./*{},:".contains(c);
    if !span.contains('/') || !span.chars().all(allowed) || span.contains("://") {
        return false;
    }
    if span.starts_with('/') || span.starts_with("target/") {
        return false;
    }
    if let Some((krate, feature)) = span.split_once('/')
        && is_feature(tree, krate, feature)
    {
        return false;
    }
    let first = span.split('/').next().unwrap_or_default();
    let known = tree.is_folder(first) || tree.is_folder(&joined(folder, first));
    known && first != "."
        || EXTENSIONS
            .iter()
            .any(|e| has_extension(without_position(span), e))
}

/// Whether `krate/feature` is cargo's way to write a feature of a crate of ours.
fn is_feature(tree: &Tree, krate: &str, feature: &str) -> bool {
    let Some(manifest) = tree.text(&format!("{krate}/Cargo.toml")) else {
        return false;
    };
    manifest.lines().any(|line| {
        line.strip_prefix(feature)
            .is_some_and(|rest| rest.starts_with(" ="))
    })
}

/// `a/b.rs:12` without the line number.
fn without_position(path: &str) -> &str {
    match path.split_once(':') {
        Some((file, position)) if position.starts_with(|c: char| c.is_ascii_digit()) => file,
        _ => path,
    }
}

/// `store/{sqlite,postgres}` as the two paths that it stands for.
fn alternatives(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let Some((choices, after)) = rest.split_once('}') else {
        return vec![path.to_owned()];
    };
    let whole = |choice| alternatives(&format!("{before}{choice}{after}"));
    choices.split(',').flat_map(whole).collect()
}

fn found(tree: &Tree, folder: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    [joined(folder, path), joined("", path)]
        .iter()
        .any(|candidate| {
            if candidate.contains('*') {
                tree.paths().any(|existing| matches(candidate, existing))
            } else {
                tree.exists(candidate)
            }
        })
}

/// `folder/path` with `.` and `..` resolved.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether `existing`, or a folder above it, fits `glob`; `*` stays within a part, `**` does not.
fn matches(glob: &str, existing: &str) -> bool {
    let parts: Vec<&str> = existing.split('/').collect();
    let glob: Vec<&str> = glob.split('/').collect();
    parts_match(&glob, &parts)
}

fn parts_match(glob: &[&str], parts: &[&str]) -> bool {
    match glob {
        [] => true, // a folder above
        ["**", rest @ ..] => (0..=parts.len()).any(|skipped| parts_match(rest, &parts[skipped..])),
        [first, rest @ ..] => match parts {
            [part, others @ ..] => part_matches(first, part) && parts_match(rest, others),
            [] => false,
        },
    }
}

fn part_matches(glob: &str, part: &str) -> bool {
    match glob.split_once('*') {
        None => glob == part,
        Some((before, after)) => part.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| part_matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    fn findings(document: &str, text: &str) -> Vec<String> {
        check(&made_of(&[
            (document, text),
            ("core/Cargo.toml", "[features]\njwt = []\n"),
            ("core/src/ids.rs", ""),
            ("server/migrations/sqlite/0001_a.sql", ""),
            ("docs/adr/0001-a.md", ""),
        ]))
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        for bad in [
            "`core/src/id.rs`",
            "`nowhere/at_all.rs`",
            "`core/source`",
            "`core/src/id.rs:12`",
            "`core/src/{ids,id}.rs`",
            "`server/migrations/*/0002_*.sql`",
            "[ids](core/src/id.rs)",
            "[ids](core/src/id.rs#L3)",
            "`core/wasm`",
        ] {
            assert_eq!(findings("README.md", bad).len(), 1, "{bad}");
        }
        assert_eq!(findings("docs/a.md", "[up](../README.md)").len(), 1);
    }

    #[test]
    fn what_exists_or_is_no_path_is_left_alone() {
        for good in [
            "`core/src/ids.rs` and `core/src/ids.rs:12` and `core/src/`",
            "`core/jwt` is a feature",
            "`server/migrations/{sqlite,*}/0001_*.sql`, `**/ids.rs`",
            "[ids](core/src/ids.rs#L3 \"title\"), [x](#anchor), [y](https://example.org/a.rs)",
            "`/api/v1/units.json`, `application/json`, `and/or`, `ports/<name>.rs`",
            "`target/services/pg.log`, `https://example.org/x.rs`",
            "```\nnowhere/at_all.rs `x/y.rs`\n```",
        ] {
            assert_eq!(findings("README.md", good), Vec::<String>::new(), "{good}");
        }
        let relative = "[one](adr/0001-a.md), `adr/0001-a.md`, `core/src/ids.rs`, [ids](../core)";
        assert_eq!(findings("docs/a.md", relative), Vec::<String>::new());
    }
}
