//! [`ReadingRetention`] on SQLite: one table, so months are only a way to count, and readings go a few at
//! a time.

use super::{SqliteStore, WriteTx, finish, holds, removal};
use crate::store::column::At;
use crate::store::error::failed;
use crate::store::retention::{BackupProof, LegalHold, Month, ReadingRetention, Removed, Room};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Nobody else writes while a transaction does.
pub(super) async fn retention_lock(_: &mut WriteTx) -> Result<(), StoreError> {
    Ok(())
}

#[async_trait]
impl ReadingRetention for SqliteStore {
    async fn make_room(&self, _: Month, _: u8) -> Result<Room, StoreError> {
        Ok(Room::default())
    }

    async fn months_before(&self, before: Month) -> Result<Vec<Month>, StoreError> {
        // Along the index of readings, unit by unit.
        let oldest: Option<At> = sqlx::query_scalar(
            "SELECT min((SELECT r.recorded_at FROM reading r WHERE r.unit_key = u.key
                         ORDER BY r.recorded_at LIMIT 1)) FROM unit u",
        )
        .fetch_one(self.reader())
        .await
        .map_err(failed)?;
        let oldest = oldest.map_or(before, |at| Month::of(at.0));
        Ok((oldest.number()..before.number())
            .map(Month::from_number)
            .collect())
    }

    async fn remove_month(
        &self,
        month: Month,
        now: Timestamp,
        limit: u32,
    ) -> Result<Removed, StoreError> {
        let mut tx = self.begin().await?;
        holds::must_be_free(&mut tx, month, now).await?;
        let gone: Vec<i64> = sqlx::query_scalar(
            "DELETE FROM reading WHERE rowid IN (
                 SELECT r.rowid FROM unit u JOIN reading r ON r.unit_key = u.key
                 WHERE r.recorded_at >= $1 AND r.recorded_at < $2 LIMIT $3)
             RETURNING org_key",
        )
        .bind(At(month.start()))
        .bind(At(month.plus(1).start()))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
        for org_key in &gone {
            *counts.entry(*org_key).or_default() += 1;
        }
        let mut lost = Vec::new();
        for (org_key, readings) in counts {
            let id: Uuid = sqlx::query_scalar("SELECT id FROM organization WHERE key = $1")
                .bind(org_key)
                .fetch_one(&mut *tx)
                .await
                .map_err(failed)?;
            lost.push((OrgId::from(id), readings));
        }
        let readings = removal::record(&mut tx, month, now, &lost).await?;
        finish(tx).await?;
        Ok(Removed {
            readings,
            more: readings >= u64::from(limit),
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
