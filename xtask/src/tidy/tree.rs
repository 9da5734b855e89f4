//! The files of the repository, held in memory so that a test can make one up.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Folders that are not ours to judge, at any depth.
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];
/// Folders of run time data, at the root only.
const SKIPPED_AT_ROOT: &[&str] = &["data"];

/// Every file by its path from the root, with `/` between the parts; text is `None` for binaries.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
    folders: BTreeSet<String>,
}

impl Tree {
    /// Reads the tree under `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let run_time = prefix.is_empty() && SKIPPED_AT_ROOT.contains(&name.as_str());
                if !run_time && !SKIPPED.contains(&name.as_str()) {
                    self.read_folder(&entry.path(), &format!("{prefix}{name}/"))?;
                }
            } else if kind.is_file() {
                let text = String::from_utf8(fs::read(entry.path())?).ok();
                self.insert(&format!("{prefix}{name}"), text);
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, text: Option<String>) {
        for (at, _) in path.match_indices('/') {
            self.folders.insert(path[..at].to_owned());
        }
        self.files.insert(path.to_owned(), text);
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every path, in order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every text file, as path and text, in order of paths.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Every Rust source.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| has_extension(path, "rs"))
    }

    /// The text of `path`.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether `path` is a file or a folder here.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.is_folder(path)
    }

    /// Whether `path` is a folder here.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }
}

/// Whether the last part of `path` ends in `.extension`.
pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

/// A tree made up for a test.
#[cfg(test)]
pub(super) fn made_of(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.insert(path, Some((*text).to_owned()));
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_without_what_is_not_ours() {
        let temp = tempfile::tempdir().unwrap();
        for (path, bytes) in [
            ("a/b/c.rs", &b"fn c() {}"[..]),
            ("a/data/d.csv", b"1"),
            ("data/run.txt", b"run time"),
            ("target/debug/x.rs", b"built"),
            ("picture.png", b"\xff\xfe\xff"),
        ] {
            let file = temp.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        let tree = Tree::read(temp.path()).unwrap();
        assert_eq!(
            tree.paths().collect::<Vec<_>>(),
            ["a/b/c.rs", "a/data/d.csv", "picture.png"]
        );
        assert_eq!(tree.texts().count(), 2, "a picture has no text");
        assert!(tree.exists("a/b") && tree.exists("a/b/c.rs") && !tree.exists("a/c"));
    }
}
