//! A module is named for the thing it knows.

use super::tree::Tree;

/// Names that say nothing.
const REFUSED: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "types",
];

/// Findings about modules with an empty name: files, folders, and modules inside a file.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources() {
        let parts = path.trim_end_matches(".rs").split('/');
        if let Some(part) = parts.into_iter().find(|part| REFUSED.contains(part)) {
            findings.push(format!(
                "{path}: `{part}` says nothing: name what the module knows"
            ));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(name) = declared_inline(line).filter(|name| REFUSED.contains(name)) {
                findings.push(format!(
                    "{path}:{number}: a module named `{name}` says nothing"
                ));
            }
        }
    }
    findings
}

/// The name in a line like `pub(crate) mod name {`.
fn declared_inline(line: &str) -> Option<&str> {
    let (before, name) = line.trim().strip_suffix('{')?.trim_end().rsplit_once(' ')?;
    (before == "mod" || before.starts_with("pub") && before.ends_with(" mod")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    #[test]
    fn empty_names_are_found_in_files_folders_and_inside() {
        let tree = made_of(&[
            ("a/src/util.rs", ""),
            ("a/src/misc/mod.rs", ""),
            ("a/tests/common/mod.rs", ""),
            (
                "a/src/b.rs",
                "pub(crate) mod helpers {\n}\nmod types {\n}\n",
            ),
        ]);
        assert_eq!(check(&tree).len(), 5, "{:?}", check(&tree));
    }

    #[test]
    fn names_that_say_something_are_left_alone() {
        let tree = made_of(&[
            (
                "a/src/alert_types.rs",
                "mod tests {\n}\nfn common() {\n}\nuse types::{\n",
            ),
            ("docs/common/picture.svg", ""),
        ]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }
}
