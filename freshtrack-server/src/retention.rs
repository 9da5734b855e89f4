//! Readings that have been kept long enough are removed, month by month; room is made for those to come.
//!
//! Nothing is removed that a legal hold keeps, and nothing without a fresh proof that a backup can be
//! restored; what waits for such a proof is told and stays.

use crate::store::retention::{Month, ReadingRetention};
use freshtrack_core::error::StoreError;
use freshtrack_core::time::{Span, Timestamp};
use tokio_util::sync::CancellationToken;

/// How long readings are kept, and what else must be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whole months that are kept before the present one.
    pub kept_months: i32,
    /// Months ahead that have a place of their own.
    pub months_ahead: u8,
    /// A proof of a backup is good for so long.
    pub backup_proven_within: Span,
    /// Readings removed at once where a month does not go as a whole.
    pub at_once: u32,
}

impl Default for Policy {
    /// Two years, the longest that the rules FreshTrack knows ask for; ingest refuses older readings.
    fn default() -> Self {
        Self {
            kept_months: 24,
            months_ahead: 3,
            backup_proven_within: Span::from_seconds(86_400),
            at_once: 10_000,
        }
    }
}

/// What one look did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Months ahead that have a place of their own.
    pub months_ahead: i64,
    /// Readings in no month's place.
    pub strays: i64,
    /// Readings removed, by month.
    pub removed: Vec<(Month, u64)>,
    /// Months old enough that a legal hold keeps.
    pub held: Vec<Month>,
    /// Months old enough that wait for the proof of a backup.
    pub blocked: Vec<Month>,
}

/// Makes room and removes what is old enough.
///
/// # Errors
/// If the store did not answer; what was done until then stays done.
pub async fn run(
    store: &dyn ReadingRetention,
    policy: Policy,
    now: Timestamp,
    stop: &CancellationToken,
) -> Result<Report, StoreError> {
    let present = Month::of(now);
    let room = store.make_room(present, policy.months_ahead).await?;
    let mut report = Report {
        months_ahead: room.months_ahead,
        strays: room.strays,
        ..Report::default()
    };
    let holds = store.holds(now).await?;
    let old = store
        .months_before(present.plus(-policy.kept_months))
        .await?;
    let (held, free): (Vec<Month>, Vec<Month>) = old
        .into_iter()
        .partition(|month| holds.iter().any(|hold| hold.keeps(*month)));
    report.held = held;
    let proven = store.proven_backup().await?;
    let fresh = proven.is_some_and(|at| at <= now && now - at <= policy.backup_proven_within);
    if !fresh {
        report.blocked = free;
        return Ok(report);
    }
    for month in free {
        if stop.is_cancelled() {
            break;
        }
        match remove(store, month, now, policy.at_once, stop).await {
            Ok(removed) => report.removed.push((month, removed)),
            // Somebody placed a hold meanwhile.
            Err(StoreError::Refused { .. }) => report.held.push(month),
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

async fn remove(
    store: &dyn ReadingRetention,
    month: Month,
    now: Timestamp,
    at_once: u32,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let removed = store.remove_month(month, now, at_once).await?;
        total += removed.readings;
        if !removed.more || stop.is_cancelled() {
            return Ok(total);
        }
    }
}
