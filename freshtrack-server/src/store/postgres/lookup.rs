//! From ids to integer keys, one statement per kind, and lists of them as one bound value.

use super::Connection;
use crate::store::chain::Head;
use crate::store::error::failed;
use crate::store::keys::{Keys, Named};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use sqlx::FromRow;
use std::collections::HashMap;
use uuid::Uuid;

/// A head with its organization's id.
#[derive(FromRow)]
struct NamedHead {
    id: Uuid,
    #[sqlx(flatten)]
    head: Head,
}

/// Holds the heads of every organization named and looks up the keys of all they name.
pub(super) async fn keys(conn: &mut Connection, named: &Named) -> Result<Keys, StoreError> {
    let mut keys = Keys::default();
    let heads: Vec<NamedHead> = sqlx::query_as(
        "SELECT o.id, h.org_key, h.outbox_seq, h.audit_seq, h.audit_hash
         FROM organization o JOIN organization_head h ON h.org_key = o.key
         WHERE o.id = ANY($1) ORDER BY h.org_key FOR UPDATE OF h",
    )
    .bind(named.orgs.iter().map(OrgId::as_uuid).collect::<Vec<Uuid>>())
    .fetch_all(&mut *conn)
    .await
    .map_err(failed)?;
    for NamedHead { id, head } in heads {
        keys.orgs.insert(OrgId::from(id), head.org_key);
        keys.heads.insert(head.org_key, head);
    }
    let inside = |org: &OrgId, id: Uuid| keys.orgs.get(org).map(|org_key| (*org_key, id));
    let units = named
        .units
        .iter()
        .filter_map(|(org, id)| inside(org, id.as_uuid()));
    let units = look_up(
        conn,
        "SELECT u.org_key, u.id, u.key
         FROM unnest($1::bigint[], $2::uuid[]) AS k (org_key, id)
         JOIN unit u ON u.org_key = k.org_key AND u.id = k.id
         JOIN unit_monitor m ON m.unit_key = u.key ORDER BY u.key FOR UPDATE OF m",
        units.unzip(),
    );
    keys.units = units.await?;
    let inside = |org: &OrgId, id: Uuid| keys.orgs.get(org).map(|org_key| (*org_key, id));
    let devices = named
        .devices
        .iter()
        .filter_map(|(org, id)| inside(org, id.as_uuid()));
    let devices = look_up(
        conn,
        "SELECT d.org_key, d.id, d.key
         FROM unnest($1::bigint[], $2::uuid[]) AS k (org_key, id)
         JOIN device d ON d.org_key = k.org_key AND d.id = k.id",
        devices.unzip(),
    );
    keys.devices = devices.await?;
    let inside = |org: &OrgId, id: Uuid| keys.orgs.get(org).map(|org_key| (*org_key, id));
    let sites = named
        .sites
        .iter()
        .filter_map(|(org, id)| inside(org, id.as_uuid()));
    let sites = look_up(
        conn,
        "SELECT s.org_key, s.id, s.key
         FROM unnest($1::bigint[], $2::uuid[]) AS k (org_key, id)
         JOIN site s ON s.org_key = k.org_key AND s.id = k.id",
        sites.unzip(),
    );
    keys.sites = sites.await?;
    Ok(keys)
}

async fn look_up(
    conn: &mut Connection,
    text: &'static str,
    (org_keys, ids): (Vec<i64>, Vec<Uuid>),
) -> Result<HashMap<(i64, Uuid), i64>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, Uuid, i64)> = sqlx::query_as(text)
        .bind(org_keys)
        .bind(ids)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    Ok(found
        .into_iter()
        .map(|(org_key, id, key)| ((org_key, id), key))
        .collect())
}
