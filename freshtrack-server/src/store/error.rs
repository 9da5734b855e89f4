//! How failures of a database become the errors of the ports.

use freshtrack_core::error::{BoxError, StoreError};

/// Why a store could not be opened. The text never contains the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no database this program knows.
    #[error("database url is not understood; expected sqlite:PATH or postgres://…")]
    BadUrl,
    /// The URL names a database that this build was made without.
    #[error("this build has no {kind} store")]
    NotBuilt {
        /// `sqlite` or `postgres`.
        kind: &'static str,
    },
    /// The database could not be opened.
    #[error("database cannot be opened")]
    Connect(#[source] BoxError),
    /// The migrations could not be applied, or the database is newer than this program.
    #[error("migrations cannot be applied")]
    Migrate(#[source] BoxError),
    /// Another process is applying migrations and does not come to an end.
    #[error("another process holds the migration lock for {waited_seconds} s")]
    Locked {
        /// How long this process waited.
        waited_seconds: u64,
    },
}

/// What a failed statement means to a caller of a port.
///
/// A unique violation that no statement expected is a row somebody else wrote first. Everything else,
/// a busy database included, is one that did not answer.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Corrupt {
            table: "queried",
            detail: format!("column {index}"),
        },
        sqlx::Error::Database(cause) if cause.is_unique_violation() => StoreError::Conflict,
        other => StoreError::unavailable(other),
    }
}

/// As [`failed`], but a unique violation is a value that is taken.
pub(crate) fn taken(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match failed(error) {
        StoreError::Conflict => StoreError::Taken { what },
        other => other,
    }
}

/// Answers `Taken` when an `ON CONFLICT … DO NOTHING` inserted nothing.
pub(crate) fn inserted(rows: u64, what: &'static str) -> Result<(), StoreError> {
    if rows == 0 {
        Err(StoreError::Taken { what })
    } else {
        Ok(())
    }
}

/// A stored value that cannot be read back.
pub(crate) fn corrupt(table: &'static str, column: &str) -> StoreError {
    StoreError::Corrupt {
        table,
        detail: format!("column {column}"),
    }
}
