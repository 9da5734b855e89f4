//! How long readings are kept, and what keeps them longer: the storage port of retention.

use async_trait::async_trait;
use chrono::Datelike;
use freshtrack_core::error::StoreError;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use std::fmt;
use uuid::Uuid;

/// A month of the calendar in UTC: the unit in which readings are kept and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let at = at.to_datetime();
        let month = i32::try_from(at.month0()).unwrap_or(0);
        Self(at.year() * 12 + month)
    }

    /// From its stored number.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Year × 12 + month − 1.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// So many months later, or earlier.
    #[must_use]
    pub const fn plus(self, months: i32) -> Self {
        Self(self.0.saturating_add(months))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        let (year, month) = (self.0.div_euclid(12), self.0.rem_euclid(12));
        let first = u32::try_from(month + 1)
            .ok()
            .and_then(|month| chrono::NaiveDate::from_ymd_opt(year, month, 1))
            .unwrap_or_default();
        Timestamp::from_seconds(first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}",
            self.0.div_euclid(12),
            self.0.rem_euclid(12) + 1
        )
    }
}

/// Months whose readings stay, whatever their age and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalHold {
    /// Id.
    pub id: Uuid,
    /// First month.
    pub first: Month,
    /// Last month, itself included.
    pub last: Month,
    /// Why.
    pub reason: String,
    /// By whom.
    pub placed_by: Actor,
    /// Since when.
    pub placed_at: Timestamp,
    /// Until when, if it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl LegalHold {
    /// Whether it keeps the readings of `month`.
    #[must_use]
    pub fn keeps(&self, month: Month) -> bool {
        (self.first..=self.last).contains(&month)
    }
}

/// How a backup was proven to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupProof {
    /// It was restored.
    Restore,
    /// Its checksums were verified.
    Checksum,
}

impl BackupProof {
    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Checksum => "checksum",
        }
    }
}

/// Room for readings to come; figures of a store without partitions are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Months ahead of the present one that have a place of their own.
    pub months_ahead: i64,
    /// Readings in no month's place.
    pub strays: i64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Readings.
    pub readings: u64,
    /// Whether any of the month are left.
    pub more: bool,
}

/// Keeping and removing readings, for the installation as a whole.
#[async_trait]
pub trait ReadingRetention: Send + Sync {
    /// Makes room for the month `present` and `ahead` more, and gives every reading its month's place.
    /// Safe to repeat, and for several processes at once.
    ///
    /// # Errors
    /// If it could not be done; nothing is lost.
    async fn make_room(&self, present: Month, ahead: u8) -> Result<Room, StoreError>;

    /// Months before `before` that may have readings, oldest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn months_before(&self, before: Month) -> Result<Vec<Month>, StoreError>;

    /// Removes readings of `month`, all or about `limit`, with an audit event in the chain of every
    /// organization that loses some, in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Refused`] `legal_hold` if a hold in force at `now` keeps them.
    async fn remove_month(
        &self,
        month: Month,
        now: Timestamp,
        limit: u32,
    ) -> Result<Removed, StoreError>;

    /// Places a hold; what is being removed at that moment is gone or stays as a whole.
    ///
    /// # Errors
    /// [`StoreError::Taken`] `legal_hold` if there is one with this id.
    async fn place_hold(&self, hold: LegalHold) -> Result<(), StoreError>;

    /// Ends a hold; it stays on record.
    ///
    /// # Errors
    /// [`StoreError::Missing`] `legal_hold` if there is none in force with this id.
    async fn lift_hold(&self, id: Uuid, by: Actor, at: Timestamp) -> Result<(), StoreError>;

    /// Holds in force at `now`, oldest first.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn holds(&self, now: Timestamp) -> Result<Vec<LegalHold>, StoreError>;

    /// Notes that a backup was proven.
    ///
    /// # Errors
    /// If it could not be stored.
    async fn note_backup(&self, at: Timestamp, proof: BackupProof) -> Result<(), StoreError>;

    /// When a backup was last proven.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn proven_backup(&self) -> Result<Option<Timestamp>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_the_first_in_utc() {
        let month = Month::of("2025-12-31T23:59:59.999999Z".parse().unwrap());
        assert_eq!(month.to_string(), "2025-12");
        assert_eq!(month.start().to_string(), "2025-12-01T00:00:00Z");
        assert_eq!(month.plus(1).start().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(month.plus(-12).to_string(), "2024-12");
        assert_eq!(Month::of(month.plus(1).start()), month.plus(1));
        assert_eq!(Month::from_number(month.number()), month);
    }
}
