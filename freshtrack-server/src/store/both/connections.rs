//! [`Connections`] and the network's [`ConnectionDirectory`] on either database.

use super::{Adapter, Connection as Session, finish, journal};
use crate::store::column::{At, to_json};
use crate::store::error::{failed, inserted};
use crate::store::ports::{ConnectionChange, ConnectionRecord, ConnectionState, Connections};
use crate::store::rows::{ConnectionRow, rotated};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;
use freshtrack_ttn::ids::{ApplicationId, ConnectionId};
use freshtrack_ttn::ports::{Connection, ConnectionDirectory, InboxError};
use freshtrack_ttn::secrets::SecretDigest;

const UNKNOWN: StoreError = StoreError::Missing { what: "connection" };

/// The columns of a [`ConnectionRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, o.id AS org_id, c.name, c.network, c.application, c.domain,
                    c.secret_current, c.secret_next, c.current_expires_at, c.enabled,
                    c.last_used_at, c.created_at
             FROM ttn_connection c JOIN organization o ON o.key = c.org_key ",
            $rest
        )
    };
}

#[async_trait]
impl ConnectionDirectory for Adapter {
    async fn find_connection(&self, id: &ConnectionId) -> Result<Option<Connection>, InboxError> {
        let row: Option<ConnectionRow> = sqlx::query_as(select!(
            "WHERE c.id = $1 AND c.enabled AND c.removed_at IS NULL"
        ))
        .bind(id.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(|cause| InboxError::Unavailable(cause.into()))?;
        row.map(|row| row.into_record().map(|record| record.connection))
            .transpose()
            .map_err(|cause| InboxError::Unavailable(cause.into()))
    }

    async fn confirm_rotation(
        &self,
        id: &ConnectionId,
        current_expires_at: Timestamp,
    ) -> Result<(), InboxError> {
        confirm(self, id, current_expires_at)
            .await
            .map_err(|cause| InboxError::Unavailable(cause.into()))
    }
}

async fn confirm(store: &Adapter, id: &ConnectionId, at: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE ttn_connection SET current_expires_at = $2
         WHERE id = $1 AND current_expires_at IS NULL",
    )
    .bind(id.as_str())
    .bind(At(at))
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    finish(tx).await
}

#[async_trait]
impl Connections for Adapter {
    async fn create(&self, record: ConnectionRecord, journal: Journal) -> Result<(), StoreError> {
        let org = record.connection.org;
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        insert(&mut tx, head.org_key, &record).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn find(
        &self,
        org: OrgId,
        id: &ConnectionId,
    ) -> Result<Option<ConnectionRecord>, StoreError> {
        let row: Option<ConnectionRow> = sqlx::query_as(select!(
            "WHERE o.id = $1 AND c.id = $2 AND c.removed_at IS NULL"
        ))
        .bind(org.as_uuid())
        .bind(id.as_str())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(ConnectionRow::into_record).transpose()
    }

    async fn list(&self, org: OrgId, limit: u16) -> Result<Vec<ConnectionRecord>, StoreError> {
        let rows: Vec<ConnectionRow> = sqlx::query_as(select!(
            "WHERE o.id = $1 AND c.removed_at IS NULL ORDER BY c.key LIMIT $2"
        ))
        .bind(org.as_uuid())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(ConnectionRow::into_record).collect()
    }

    async fn rotate(
        &self,
        org: OrgId,
        id: &ConnectionId,
        next: SecretDigest,
        journal: Journal,
    ) -> Result<ConnectionRecord, StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let row: Option<ConnectionRow> = sqlx::query_as(LOCKED)
            .bind(head.org_key)
            .bind(id.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let mut record = row.ok_or(UNKNOWN)?.into_record()?;
        let secrets = rotated(record.connection.secrets, next);
        sqlx::query(
            "UPDATE ttn_connection
             SET secret_current = $3, secret_next = $4, current_expires_at = NULL
             WHERE org_key = $1 AND id = $2",
        )
        .bind(head.org_key)
        .bind(id.as_str())
        .bind(secrets.current.map(|secret| secret.as_bytes().to_vec()))
        .bind(secrets.next.map(|secret| secret.as_bytes().to_vec()))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await?;
        record.connection.secrets = secrets;
        Ok(record)
    }

    async fn change(
        &self,
        org: OrgId,
        id: &ConnectionId,
        change: ConnectionChange,
        journal: Journal,
    ) -> Result<ConnectionRecord, StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let row: Option<ConnectionRow> = sqlx::query_as(LOCKED)
            .bind(head.org_key)
            .bind(id.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let mut record = row.ok_or(UNKNOWN)?.into_record()?;
        sqlx::query(
            "UPDATE ttn_connection SET name = $3, application = $4, enabled = $5
             WHERE org_key = $1 AND id = $2",
        )
        .bind(head.org_key)
        .bind(id.as_str())
        .bind(&change.name)
        .bind(change.application.as_ref().map(ApplicationId::as_str))
        .bind(change.state == ConnectionState::Enabled)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await?;
        (record.name, record.state) = (change.name, change.state);
        record.connection.application = change.application;
        Ok(record)
    }

    async fn remove(
        &self,
        org: OrgId,
        id: &ConnectionId,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let removed = sqlx::query(
            "UPDATE ttn_connection SET removed_at = $3, enabled = FALSE, secret_current = NULL,
                    secret_next = NULL
             WHERE org_key = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(head.org_key)
        .bind(id.as_str())
        .bind(At(now))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if removed.rows_affected() == 0 {
            return Err(UNKNOWN);
        }
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn set_state(
        &self,
        org: OrgId,
        id: &ConnectionId,
        state: ConnectionState,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let enabled: Option<bool> = sqlx::query_scalar(
            "SELECT enabled FROM ttn_connection
             WHERE org_key = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(head.org_key)
        .bind(id.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let wanted = state == ConnectionState::Enabled;
        if enabled.ok_or(UNKNOWN)? == wanted {
            return Ok(());
        }
        sqlx::query("UPDATE ttn_connection SET enabled = $3 WHERE org_key = $1 AND id = $2")
            .bind(head.org_key)
            .bind(id.as_str())
            .bind(wanted)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn touch(&self, org: OrgId, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE ttn_connection SET last_used_at = $3
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2
               AND (last_used_at IS NULL OR last_used_at < $3)",
        )
        .bind(org.as_uuid())
        .bind(id.as_str())
        .bind(At(now))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        finish(tx).await
    }
}

/// The connection whose secrets are about to be changed.
const LOCKED: &str = concat!(
    select!("WHERE c.org_key = $1 AND c.id = $2 AND c.removed_at IS NULL"),
    row_lock!("c")
);

async fn insert(
    conn: &mut Session,
    org_key: i64,
    record: &ConnectionRecord,
) -> Result<(), StoreError> {
    let connection = &record.connection;
    let bytes = |secret: Option<SecretDigest>| secret.map(|secret| secret.as_bytes().to_vec());
    let done = sqlx::query(
        "INSERT INTO ttn_connection (org_key, id, name, network, application, domain, secret_current,
                                     secret_next, current_expires_at, enabled, last_used_at,
                                     created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(org_key)
    .bind(connection.id.as_str())
    .bind(&record.name)
    .bind(to_json(&connection.network)?)
    .bind(connection.application.as_ref().map(ApplicationId::as_str))
    .bind(&connection.domain)
    .bind(bytes(connection.secrets.current))
    .bind(bytes(connection.secrets.next))
    .bind(connection.secrets.current_expires_at.map(At))
    .bind(record.state == ConnectionState::Enabled)
    .bind(record.last_used_at.map(At))
    .bind(At(record.created_at))
    .execute(conn)
    .await
    .map_err(failed)?;
    inserted(done.rows_affected(), "connection")
}
