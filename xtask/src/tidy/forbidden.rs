//! Words that no file may hold: names of machines, of private hosts, whatever the owner says.

use super::tree::Tree;

/// Findings about files that hold one of `words` (separated by commas), in any case of letters.
pub(super) fn check(tree: &Tree, words: &str) -> Vec<String> {
    let words: Vec<String> = words
        .split(',')
        .map(|word| word.trim().to_lowercase())
        .filter(|w| !w.is_empty())
        .collect();
    let mut findings = Vec::new();
    if words.is_empty() {
        return findings;
    }
    for path in tree.paths() {
        let path_in_lower_case = path.to_lowercase();
        for word in words
            .iter()
            .filter(|word| path_in_lower_case.contains(*word))
        {
            findings.push(format!("{path}: the name holds the forbidden `{word}`"));
        }
    }
    for (path, text) in tree.texts() {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.to_lowercase();
            for word in words.iter().filter(|word| line.contains(*word)) {
                findings.push(format!("{path}:{number}: holds the forbidden `{word}`"));
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
    fn a_forbidden_word_is_found_in_text_and_in_names() {
        let tree = made_of(&[
            ("docs/a.md", "fine\nsee build-7.Example\n"),
            ("build-7/x.toml", ""),
        ]);
        assert_eq!(check(&tree, "BUILD-7, ,other").len(), 2);
    }

    #[test]
    fn without_words_nothing_is_forbidden() {
        assert_eq!(
            check(&made_of(&[("a", "anything, at all")]), " , "),
            Vec::<String>::new()
        );
    }
}
