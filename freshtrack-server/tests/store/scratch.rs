//! Empty databases, one per test.

use freshtrack_server::store::sqlite::{SqliteOptions, SqliteStore};
use std::cell::RefCell;
use std::path::PathBuf;
use tempfile::TempDir;

thread_local! {
    /// Each test runs on a thread of its own, so its files go when it ends.
    static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// A path for a database in a folder of this test.
pub fn sqlite_path() -> PathBuf {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("freshtrack.sqlite");
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

/// An empty SQLite store.
pub async fn sqlite() -> SqliteStore {
    SqliteStore::open(&sqlite_path(), SqliteOptions::default())
        .await
        .expect("an empty store can be opened")
}
