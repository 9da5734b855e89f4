//! Both databases go through the same numbered steps.

use super::tree::Tree;
use std::collections::BTreeSet;

const FOLDER: &str = "freshtrack-server/migrations";

/// Findings about a migration that one database has and the other has not, or a number used twice.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let (sqlite, postgres) = (titles(tree, "sqlite"), titles(tree, "postgres"));
    let mut findings = Vec::new();
    for (mine, theirs, name) in [
        (&sqlite, &postgres, "postgres"),
        (&postgres, &sqlite, "sqlite"),
    ] {
        for title in mine.difference(theirs) {
            findings.push(format!(
                "{FOLDER}/{name}/{title}: missing, the other database has it"
            ));
        }
    }
    for (titles, name) in [(&sqlite, "sqlite"), (&postgres, "postgres")] {
        let mut numbers = BTreeSet::new();
        for title in titles {
            let number = title.split('_').next().unwrap_or_default();
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                findings.push(format!(
                    "{FOLDER}/{name}/{title}: not called NUMBER_title.sql"
                ));
            } else if !numbers.insert(number) {
                findings.push(format!(
                    "{FOLDER}/{name}/{title}: number {number} is used twice"
                ));
            }
        }
    }
    findings
}

fn titles<'a>(tree: &'a Tree, database: &str) -> BTreeSet<&'a str> {
    let folder = format!("{FOLDER}/{database}/");
    tree.paths()
        .filter_map(|path| path.strip_prefix(&folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::made_of;
    use super::*;

    fn migrations(names: &[&str]) -> Tree {
        let files: Vec<(String, &str)> = names
            .iter()
            .map(|name| (format!("{FOLDER}/{name}"), ""))
            .collect();
        made_of(
            &files
                .iter()
                .map(|(path, text)| (path.as_str(), *text))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn equal_chains_are_right() {
        let tree = migrations(&["sqlite/0001_start.sql", "postgres/0001_start.sql"]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }

    #[test]
    fn a_missing_step_a_renamed_step_and_a_double_number_are_found() {
        let missing = migrations(&["sqlite/0001_start.sql"]);
        assert_eq!(check(&missing).len(), 1);
        let renamed = migrations(&["sqlite/0001_start.sql", "postgres/0001_begin.sql"]);
        assert_eq!(check(&renamed).len(), 2);
        let double = [
            "sqlite/0001_a.sql",
            "sqlite/0001_b.sql",
            "postgres/0001_a.sql",
            "postgres/0001_b.sql",
        ];
        assert_eq!(check(&migrations(&double)).len(), 2);
        assert_eq!(
            check(&migrations(&["sqlite/start.sql", "postgres/start.sql"])).len(),
            2
        );
    }
}
