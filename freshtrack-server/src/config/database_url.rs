//! The database setting: `sqlite:PATH` or `postgres://…`, never shown with its password.

use super::SettingError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the URL may hold a password.
    Postgres(String),
}

/// How hard SQLite syncs a commit to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SqliteSync {
    /// Every commit survives a power loss.
    #[default]
    Full,
    /// Every commit survives the process; a power loss may take the last ones.
    Normal,
}

impl FromStr for SqliteSync {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "full" => Ok(Self::Full),
            "normal" => Ok(Self::Normal),
            _ => Err("it must be one of: full, normal"),
        }
    }
}

impl DatabaseUrl {
    /// A SQLite file.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_path_buf())
    }

    /// Reads the setting.
    ///
    /// # Errors
    /// For any other scheme; the value is redacted, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.is_empty() && path != ":memory:" {
                return Ok(Self::sqlite(path));
            }
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let scheme = text.split(':').next().unwrap_or_default();
        Err(SettingError {
            key: "database".to_owned(),
            value: format!("{scheme}:…"),
            allowed: "it must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".to_owned(),
        })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let host = url.rsplit_once('@').map_or_else(
                    || url.split_once("://").map_or("", |(_, rest)| rest),
                    |(_, host)| host,
                );
                let host = host.split('?').next().unwrap_or_default();
                write!(f, "postgres://…@{host}")
            }
        }
    }
}
