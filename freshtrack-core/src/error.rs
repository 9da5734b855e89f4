//! What a storage port can answer besides success.

/// The cause an adapter keeps for the log; nobody matches on it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Failure of a storage port, named for what the caller can do.
///
/// Absence is never an error: look-ups answer `Ok(None)`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else changed the row first: load again and repeat.
    #[error("the row was changed by somebody else")]
    Conflict,
    /// A unique value is taken.
    #[error("{what} is taken")]
    Taken {
        /// What is taken: `slug`, `name`, `dev_eui`, `organization` …
        what: &'static str,
    },
    /// A row that the change needs is not there (inside this organization).
    #[error("{what} not found")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// The change would break what the store guarantees whatever happens at once; nothing was changed.
    #[error("refused: {rule}")]
    Refused {
        /// The guarantee: `last_owner`.
        rule: &'static str,
    },
    /// The store did not answer; nothing was changed, repeating the call is safe.
    #[error("store unavailable")]
    Unavailable(#[source] BoxError),
    /// A stored row cannot be read back; the row names itself.
    #[error("stored {table} row is inconsistent: {detail}")]
    Corrupt {
        /// Table of the row.
        table: &'static str,
        /// Column or reason; never a value.
        detail: String,
    },
}

impl StoreError {
    /// Whether repeating the same call later may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict)
    }

    /// Wraps an adapter's cause.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }
}
