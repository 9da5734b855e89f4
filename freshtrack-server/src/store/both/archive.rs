//! Putting places and devices away and bringing them back, inside a transaction that holds the
//! organization's head.

use super::Connection;
use super::devices::appoint_if_none;
use crate::store::column::At;
use crate::store::error::{failed, taken};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Archived;
use freshtrack_core::ports::ResourceId;
use freshtrack_core::time::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

/// Where a row stands in its life.
#[derive(FromRow)]
pub(super) struct Standing {
    pub(super) key: i64,
    version: i64,
    archive_batch: Option<Uuid>,
}

impl Standing {
    /// Refuses what is archived or has another version.
    pub(super) fn must_be(&self, version: i64) -> Result<(), StoreError> {
        if self.archive_batch.is_some() {
            return Err(StoreError::Refused { rule: "archived" });
        }
        if self.version == version {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }
}

/// The row of this id, if it is of the organization.
pub(super) async fn standing(
    conn: &mut Connection,
    org_key: i64,
    id: ResourceId,
) -> Result<Standing, StoreError> {
    let (text, uuid) = match id {
        ResourceId::Site(id) => (
            "SELECT key, version, archive_batch FROM site WHERE org_key = $1 AND id = $2",
            id.as_uuid(),
        ),
        ResourceId::Area(id) => (
            "SELECT key, version, archive_batch FROM area WHERE org_key = $1 AND id = $2",
            id.as_uuid(),
        ),
        ResourceId::Unit(id) => (
            "SELECT key, version, archive_batch FROM unit WHERE org_key = $1 AND id = $2",
            id.as_uuid(),
        ),
        ResourceId::Device(id) => (
            "SELECT key, version, archive_batch FROM device WHERE org_key = $1 AND id = $2",
            id.as_uuid(),
        ),
    };
    sqlx::query_as(text)
        .bind(org_key)
        .bind(uuid)
        .fetch_optional(conn)
        .await
        .map_err(failed)?
        .ok_or(StoreError::Missing { what: id.kind() })
}

/// What the name of an archived row ends in while it is not to be anybody's: no name has a line break.
fn aside(batch: Uuid) -> String {
    format!("\n{batch}")
}

/// Archives rows of one table that are in use: `$1` key, `$2`–`$4` the stamp, `$5` the ending.
macro_rules! put_away {
    ($table:literal, $column:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET archived_at = $2, archived_by = $3, archive_batch = $4,
                  name_folded = name_folded || $5, updated_at = $2, version = version + 1
              WHERE ",
            $column,
            " = $1 AND archived_at IS NULL"
        )
    };
}

/// Brings the rows of one table and batch back: `$1` organization, `$2` batch, `$3` now, `$4` the ending.
macro_rules! bring_back {
    ($table:literal, $further:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET archived_at = NULL, archived_by = NULL, archive_batch = NULL,
                  name_folded = REPLACE(name_folded, $4, ''), updated_at = $3, ",
            $further,
            "version = version + 1 WHERE org_key = $1 AND archive_batch = $2"
        )
    };
}

/// Archives a row and everything in use below it.
pub(super) async fn put_away(
    conn: &mut Connection,
    id: ResourceId,
    row: &Standing,
    stamp: Archived,
) -> Result<(), StoreError> {
    let texts: &[&'static str] = match id {
        ResourceId::Site(_) => &[
            put_away!("site", "key"),
            put_away!("area", "site_key"),
            put_away!("unit", "site_key"),
        ],
        ResourceId::Area(_) => &[put_away!("area", "key"), put_away!("unit", "area_key")],
        ResourceId::Unit(_) => &[put_away!("unit", "key")],
        ResourceId::Device(_) => return put_device_away(conn, row.key, stamp).await,
    };
    for text in texts {
        sqlx::query(*text)
            .bind(row.key)
            .bind(At(stamp.at))
            .bind(stamp.by.map(|user| user.as_uuid()))
            .bind(stamp.batch)
            .bind(aside(stamp.batch))
            .execute(&mut *conn)
            .await
            .map_err(failed)?;
    }
    make_batch_due(conn, stamp.batch, stamp.at).await
}

async fn put_device_away(
    conn: &mut Connection,
    key: i64,
    stamp: Archived,
) -> Result<(), StoreError> {
    let unit_key: Option<i64> = sqlx::query_scalar(
        "UPDATE device SET archived_at = $2, archived_by = $3, archive_batch = $4,
                archived_eui = dev_eui, dev_eui = NULL, is_primary = FALSE, updated_at = $2,
                version = version + 1
         WHERE key = $1 RETURNING unit_key",
    )
    .bind(key)
    .bind(At(stamp.at))
    .bind(stamp.by.map(|user| user.as_uuid()))
    .bind(stamp.batch)
    .fetch_one(&mut *conn)
    .await
    .map_err(failed)?;
    appoint_if_none(conn, unit_key).await?;
    make_unit_due(conn, unit_key, stamp.at).await
}

/// Brings back everything that was archived with a row.
pub(super) async fn bring_back(
    conn: &mut Connection,
    org_key: i64,
    (id, row): (ResourceId, &Standing),
    version: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let batch = row
        .archive_batch
        .ok_or(StoreError::Refused { rule: "in_use" })?;
    if row.version != version {
        return Err(StoreError::Conflict);
    }
    if stands_in_the_archive(conn, id, row.key).await? {
        let rule = "parent_archived";
        return Err(StoreError::Refused { rule });
    }
    if let ResourceId::Device(_) = id {
        return bring_device_back(conn, row.key, now).await;
    }
    make_batch_due(conn, batch, now).await?;
    for text in [
        bring_back!("site", ""),
        bring_back!("area", ""),
        bring_back!("unit", "monitoring_started_at = $3, "),
    ] {
        sqlx::query(text)
            .bind(org_key)
            .bind(batch)
            .bind(At(now))
            .bind(aside(batch))
            .execute(&mut *conn)
            .await
            .map_err(taken("name"))?;
    }
    Ok(())
}

async fn stands_in_the_archive(
    conn: &mut Connection,
    id: ResourceId,
    key: i64,
) -> Result<bool, StoreError> {
    let text = match id {
        ResourceId::Site(_) | ResourceId::Device(_) => return Ok(false),
        ResourceId::Area(_) => {
            "SELECT s.archived_at IS NOT NULL FROM area a JOIN site s ON s.key = a.site_key
             WHERE a.key = $1"
        }
        ResourceId::Unit(_) => {
            "SELECT a.archived_at IS NOT NULL FROM unit u JOIN area a ON a.key = u.area_key
             WHERE u.key = $1"
        }
    };
    sqlx::query_scalar(text)
        .bind(key)
        .fetch_one(conn)
        .await
        .map_err(failed)
}

async fn bring_device_back(
    conn: &mut Connection,
    key: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unit_key: Option<i64> = sqlx::query_scalar(
        "UPDATE device SET archived_at = NULL, archived_by = NULL, archive_batch = NULL,
                dev_eui = archived_eui, archived_eui = NULL, updated_at = $2, version = version + 1
         WHERE key = $1 RETURNING unit_key",
    )
    .bind(key)
    .bind(At(now))
    .fetch_one(&mut *conn)
    .await
    .map_err(taken("dev_eui"))?;
    appoint_if_none(conn, unit_key).await?;
    make_unit_due(conn, unit_key, now).await
}

/// Makes the units of a batch due.
async fn make_batch_due(
    conn: &mut Connection,
    batch: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE unit_monitor SET version = version + 1,
                next_deadline = CASE WHEN next_deadline < $2 THEN next_deadline ELSE $2 END
         WHERE unit_key IN (SELECT key FROM unit WHERE archive_batch = $1)",
    )
    .bind(batch)
    .bind(At(now))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Makes a unit due, if there is one. Its monitor gets a new version: an evaluation that was loaded
/// before must not put the deadline off again.
pub(super) async fn make_unit_due(
    conn: &mut Connection,
    unit_key: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if unit_key.is_none() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE unit_monitor SET version = version + 1,
                next_deadline = CASE WHEN next_deadline < $2 THEN next_deadline ELSE $2 END
         WHERE unit_key = $1",
    )
    .bind(unit_key)
    .bind(At(now))
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}
