//! A test that does not run is not a test.

use super::tree::Tree;

/// Findings about tests that are switched off.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            let conditional = line.starts_with("#[cfg_attr(") && line.contains(", ignore");
            if line.starts_with("#[ignore") || conditional {
                findings.push(format!(
                    "{path}:{number}: `#[ignore]`: repair the test or remove it"
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    #[test]
    fn a_test_that_is_switched_off_is_found() {
        let tree = made_of(&[
            (
                "a/src/a.rs",
                "    #[ignore]\n#[ignore = \"slow\"]\n#[cfg_attr(windows, ignore)]\n",
            ),
            (
                "a/src/b.rs",
                "// #[ignore] is refused\n#[cfg_attr(test, automock)]\n",
            ),
        ]);
        assert_eq!(check(&tree).len(), 3, "{:?}", check(&tree));
    }
}
