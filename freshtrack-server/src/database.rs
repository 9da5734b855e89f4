//! The database of the settings, opened and at the newest schema.

use crate::config::{DatabaseUrl, Settings, SqliteSync};
use crate::store::{Store, StoreOptions, sqlite};
use anyhow::Context;

/// Opens the database and brings it to the newest schema; several processes at once are safe.
///
/// # Errors
/// If it cannot be opened, reached or migrated; no password is in the words.
pub async fn open(settings: &Settings) -> anyhow::Result<Store> {
    let url = match &settings.database {
        DatabaseUrl::Sqlite(path) => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)
                    .with_context(|| format!("making {}", directory.display()))?;
            }
            format!("sqlite:{}", path.display())
        }
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    let options = StoreOptions {
        sqlite: sqlite::SqliteOptions {
            synchronous: match settings.sqlite_sync {
                SqliteSync::Full => sqlite::Durability::Full,
                SqliteSync::Normal => sqlite::Durability::Normal,
            },
            ..sqlite::SqliteOptions::default()
        },
        ..StoreOptions::default()
    };
    Store::connect(&url, options)
        .await
        .with_context(|| format!("opening {}", settings.database))
}
