//! [`ReadingRetention`] on PostgreSQL: a partition per month, made ahead and dropped as a whole.

use super::{PostgresStore, WriteTx, finish, holds, removal};
use crate::store::column::At;
use crate::store::error::{corrupt, failed};
use crate::store::retention::{BackupProof, LegalHold, Month, ReadingRetention, Removed, Room};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Names the lock of retention among a database's advisory locks: `"retentn"`.
const RETENTION_LOCK: i64 = 0x0072_6574_656e_746e;
/// Strays of at most so many months are given a place in one go.
const STRAY_MONTHS_MAX: i64 = 120;

/// Held until the transaction ends by whoever makes or drops partitions or places a hold.
pub(super) async fn retention_lock(tx: &mut WriteTx) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(RETENTION_LOCK)
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(failed)
}

/// The partition of a month; nothing but digits comes from the month.
fn partition(month: Month) -> String {
    let text = month.to_string();
    let (year, month) = text.split_once('-').unwrap_or((&text, ""));
    format!("readings_y{year}m{month}")
}

/// The month of a partition, or nothing for the one that takes what no month takes.
fn month_of(partition: &str) -> Option<Month> {
    let (year, month) = partition.strip_prefix("readings_y")?.split_once('m')?;
    let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
    (1..=12)
        .contains(&month)
        .then(|| Month::from_number(year * 12 + month - 1))
}

async fn months(tx: &mut WriteTx) -> Result<Vec<Month>, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'reading'::regclass",
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    let mut months: Vec<Month> = names.iter().filter_map(|name| month_of(name)).collect();
    months.sort_unstable();
    Ok(months)
}

async fn run(tx: &mut WriteTx, statement: String) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(failed)
}

/// Makes the partition of a month beside the table, moves the month's strays into it, and attaches it: a
/// late call heals itself.
async fn make_partition(tx: &mut WriteTx, month: Month) -> Result<(), StoreError> {
    let name = partition(month);
    let (from, to) = (month.start(), month.plus(1).start());
    run(
        tx,
        format!("CREATE TABLE {name} (LIKE reading INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
    )
    .await?;
    let moved = format!(
        "WITH moved AS (
             DELETE FROM readings_default WHERE recorded_at >= $1 AND recorded_at < $2 RETURNING *)
         INSERT INTO {name} SELECT * FROM moved"
    );
    sqlx::query(AssertSqlSafe(moved))
        .bind(At(from))
        .bind(At(to))
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    run(
        tx,
        format!(
            "ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"
        ),
    )
    .await
}

#[async_trait]
impl ReadingRetention for PostgresStore {
    async fn make_room(&self, present: Month, ahead: u8) -> Result<Room, StoreError> {
        let mut tx = self.begin().await?;
        retention_lock(&mut tx).await?;
        let there = months(&mut tx).await?;
        let stray: Vec<At> = sqlx::query_scalar(
            "SELECT DISTINCT date_trunc('month', recorded_at, 'UTC') FROM readings_default
             ORDER BY 1 LIMIT $1",
        )
        .bind(STRAY_MONTHS_MAX)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        let mut wanted: Vec<Month> = (0..=i32::from(ahead)).map(|n| present.plus(n)).collect();
        wanted.extend(stray.into_iter().map(|at| Month::of(at.0)));
        wanted.sort_unstable();
        wanted.dedup();
        for month in wanted.iter().filter(|month| !there.contains(month)) {
            make_partition(&mut tx, *month).await?;
        }
        let strays: i64 = sqlx::query_scalar("SELECT count(*) FROM readings_default")
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        let months_ahead = months(&mut tx).await?;
        let months_ahead = months_ahead.iter().filter(|month| **month > present);
        let months_ahead = i64::try_from(months_ahead.count()).unwrap_or(i64::MAX);
        finish(tx).await?;
        Ok(Room {
            months_ahead,
            strays,
        })
    }

    async fn months_before(&self, before: Month) -> Result<Vec<Month>, StoreError> {
        let mut tx = self.begin().await?;
        let mut months = months(&mut tx).await?;
        months.retain(|month| *month < before);
        finish(tx).await?;
        Ok(months)
    }

    /// The whole month at once, whatever `limit` says: a partition is dropped, not emptied.
    async fn remove_month(
        &self,
        month: Month,
        now: Timestamp,
        _limit: u32,
    ) -> Result<Removed, StoreError> {
        let mut tx = self.begin().await?;
        retention_lock(&mut tx).await?;
        holds::must_be_free(&mut tx, month, now).await?;
        if !months(&mut tx).await?.contains(&month) {
            return Ok(Removed {
                readings: 0,
                more: false,
            });
        }
        let name = partition(month);
        let counted = format!(
            "SELECT o.id, count(*) FROM {name} r LEFT JOIN organization o ON o.key = r.org_key
             GROUP BY o.key, o.id ORDER BY o.key"
        );
        let lost: Vec<(Option<Uuid>, i64)> = sqlx::query_as(AssertSqlSafe(counted))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        let lost: Option<Vec<(OrgId, i64)>> = lost
            .into_iter()
            .map(|(id, readings)| Some((OrgId::from(id?), readings)))
            .collect();
        // Readings of nobody could be recorded nowhere.
        let lost = lost.ok_or_else(|| corrupt("reading", "org_key"))?;
        let readings = removal::record(&mut tx, month, now, &lost).await?;
        run(
            &mut tx,
            format!("ALTER TABLE reading DETACH PARTITION {name}"),
        )
        .await?;
        run(&mut tx, format!("DROP TABLE {name}")).await?;
        finish(tx).await?;
        Ok(Removed {
            readings,
            more: false,
        })
    }

    async fn place_hold(&self, hold: LegalHold) -> Result<(), StoreError> {
        holds::place(self, hold).await
    }

    async fn lift_hold(&self, id: Uuid, by: Actor, at: Timestamp) -> Result<(), StoreError> {
        holds::lift(self, id, by, at).await
    }

    async fn holds(&self, now: Timestamp) -> Result<Vec<LegalHold>, StoreError> {
        let mut conn = self.reader().acquire().await.map_err(failed)?;
        holds::in_force(&mut conn, now).await
    }

    async fn note_backup(&self, at: Timestamp, proof: BackupProof) -> Result<(), StoreError> {
        holds::note_backup(self, at, proof).await
    }

    async fn proven_backup(&self) -> Result<Option<Timestamp>, StoreError> {
        holds::proven_backup(self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_by_its_month() {
        let month = Month::of("2026-01-15T00:00:00Z".parse().unwrap());
        assert_eq!(partition(month), "readings_y2026m01");
        assert_eq!(month_of("readings_y2026m01"), Some(month));
        assert_eq!(month_of("readings_default"), None);
        assert_eq!(month_of("readings_y2026m13"), None);
    }
}
