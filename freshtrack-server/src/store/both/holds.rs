//! Legal holds and proofs of backups, on either database.

use super::{Adapter, Connection, finish, retention_lock};
use crate::store::column::{At, from_json, to_json};
use crate::store::error::failed;
use crate::store::retention::{BackupProof, LegalHold, Month};
use freshtrack_core::error::StoreError;
use freshtrack_core::principal::Actor;
use freshtrack_core::time::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

#[derive(FromRow)]
struct HoldRow {
    id: Uuid,
    first_month: i32,
    last_month: i32,
    reason: String,
    placed_by: String,
    placed_at: At,
    expires_at: Option<At>,
}

impl HoldRow {
    fn into_hold(self) -> Result<LegalHold, StoreError> {
        Ok(LegalHold {
            id: self.id,
            first: Month::from_number(self.first_month),
            last: Month::from_number(self.last_month),
            reason: self.reason,
            placed_by: from_json("legal_hold", "placed_by", &self.placed_by)?,
            placed_at: self.placed_at.0,
            expires_at: self.expires_at.map(|at| at.0),
        })
    }
}

/// Holds in force at `now`.
pub(super) async fn in_force(
    conn: &mut Connection,
    now: Timestamp,
) -> Result<Vec<LegalHold>, StoreError> {
    let rows: Vec<HoldRow> = sqlx::query_as(
        "SELECT id, first_month, last_month, reason, placed_by, placed_at, expires_at
         FROM legal_hold
         WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
         ORDER BY placed_at, id",
    )
    .bind(At(now))
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.into_iter().map(HoldRow::into_hold).collect()
}

/// Refuses to go on if a hold keeps the month; the caller holds the lock of retention.
pub(super) async fn must_be_free(
    conn: &mut Connection,
    month: Month,
    now: Timestamp,
) -> Result<(), StoreError> {
    let holds = in_force(conn, now).await?;
    if holds.iter().any(|hold| hold.keeps(month)) {
        return Err(StoreError::Refused { rule: "legal_hold" });
    }
    Ok(())
}

pub(super) async fn place(store: &Adapter, hold: LegalHold) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    retention_lock(&mut tx).await?;
    let placed = sqlx::query(
        "INSERT INTO legal_hold (id, first_month, last_month, reason, placed_by, placed_at,
                                 expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
    )
    .bind(hold.id)
    .bind(hold.first.number())
    .bind(hold.last.number())
    .bind(&hold.reason)
    .bind(to_json(&hold.placed_by)?)
    .bind(At(hold.placed_at))
    .bind(hold.expires_at.map(At))
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if placed.rows_affected() == 0 {
        return Err(StoreError::Taken { what: "legal_hold" });
    }
    finish(tx).await
}

pub(super) async fn lift(
    store: &Adapter,
    id: Uuid,
    by: Actor,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let lifted = sqlx::query(
        "UPDATE legal_hold SET lifted_by = $2, lifted_at = $3
         WHERE id = $1 AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $3)",
    )
    .bind(id)
    .bind(to_json(&by)?)
    .bind(At(at))
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if lifted.rows_affected() == 0 {
        return Err(StoreError::Missing { what: "legal_hold" });
    }
    finish(tx).await
}

pub(super) async fn note_backup(
    store: &Adapter,
    at: Timestamp,
    proof: BackupProof,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("INSERT INTO backup_proof (at, kind) VALUES ($1, $2) ON CONFLICT (at) DO NOTHING")
        .bind(At(at))
        .bind(proof.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    finish(tx).await
}

pub(super) async fn proven_backup(store: &Adapter) -> Result<Option<Timestamp>, StoreError> {
    let newest: Option<At> =
        sqlx::query_scalar("SELECT at FROM backup_proof ORDER BY at DESC LIMIT 1")
            .fetch_optional(store.reader())
            .await
            .map_err(failed)?;
    Ok(newest.map(|at| at.0))
}
