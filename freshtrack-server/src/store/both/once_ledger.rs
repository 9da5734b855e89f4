//! [`OnceLedger`] on either database.

use super::{Adapter, finish};
use crate::store::column::{At, from_json, narrow, to_json};
use crate::store::error::{corrupt, failed};
use crate::store::ports::{Begun, KeptAnswer, OnceKey, OnceLedger};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::time::Timestamp;
use sqlx::FromRow;

const TABLE: &str = "idempotent_request";

#[derive(FromRow)]
struct KnownRow {
    fingerprint: Vec<u8>,
    status: Option<i32>,
    headers: String,
    body: Vec<u8>,
}

impl KnownRow {
    fn into_begun(self, fingerprint: [u8; 32]) -> Result<Begun, StoreError> {
        if self.fingerprint != fingerprint {
            return Ok(Begun::Reused);
        }
        let Some(status) = self.status else {
            return Ok(Begun::Running);
        };
        Ok(Begun::Answered(KeptAnswer {
            status: narrow(TABLE, "status", status)?,
            headers: from_json(TABLE, "headers", &self.headers)?,
            body: self.body,
        }))
    }
}

#[async_trait]
impl OnceLedger for Adapter {
    async fn begin(
        &self,
        key: &OnceKey,
        fingerprint: [u8; 32],
        now: Timestamp,
        (forget_before, lost_before): (Timestamp, Timestamp),
    ) -> Result<Begun, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "DELETE FROM idempotent_request
             WHERE caller = $1 AND key_hash = $2
               AND (started_at < $3 OR (status IS NULL AND started_at < $4))",
        )
        .bind(&key.caller)
        .bind(key.key_hash.as_slice())
        .bind(At(forget_before))
        .bind(At(lost_before))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let begun = sqlx::query(
            "INSERT INTO idempotent_request (caller, key_hash, fingerprint, started_at, headers, body)
             VALUES ($1, $2, $3, $4, '[]', $5)
             ON CONFLICT (caller, key_hash) DO NOTHING",
        )
        .bind(&key.caller)
        .bind(key.key_hash.as_slice())
        .bind(fingerprint.as_slice())
        .bind(At(now))
        .bind(Vec::<u8>::new())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if begun.rows_affected() > 0 {
            finish(tx).await?;
            return Ok(Begun::First);
        }
        let known: Option<KnownRow> = sqlx::query_as(
            "SELECT fingerprint, status, headers, body FROM idempotent_request
             WHERE caller = $1 AND key_hash = $2",
        )
        .bind(&key.caller)
        .bind(key.key_hash.as_slice())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await?;
        known
            .ok_or_else(|| corrupt(TABLE, "key_hash"))?
            .into_begun(fingerprint)
    }

    async fn end(&self, key: &OnceKey, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = match answer {
            Some(answer) => {
                sqlx::query(
                    "UPDATE idempotent_request SET status = $3, headers = $4, body = $5
                     WHERE caller = $1 AND key_hash = $2 AND status IS NULL",
                )
                .bind(&key.caller)
                .bind(key.key_hash.as_slice())
                .bind(i32::from(answer.status))
                .bind(to_json(&answer.headers)?)
                .bind(answer.body)
                .execute(&mut *tx)
                .await
            }
            None => {
                sqlx::query(
                    "DELETE FROM idempotent_request
                     WHERE caller = $1 AND key_hash = $2 AND status IS NULL",
                )
                .bind(&key.caller)
                .bind(key.key_hash.as_slice())
                .execute(&mut *tx)
                .await
            }
        };
        done.map_err(failed)?;
        finish(tx).await
    }

    async fn prune_answers(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query(
            "DELETE FROM idempotent_request WHERE (caller, key_hash) IN
             (SELECT caller, key_hash FROM idempotent_request
              WHERE started_at < $1 ORDER BY started_at LIMIT $2)",
        )
        .bind(At(before))
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await?;
        Ok(removed.rows_affected())
    }
}
