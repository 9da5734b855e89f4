//! From ids to integer keys, one statement per kind, and lists of them as one bound value.

use super::Connection;
use crate::store::chain::Head;
use crate::store::error::failed;
use crate::store::keys::{Keys, Named};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::OrgId;
use serde_json::{Value, json};
use sqlx::FromRow;
use std::collections::HashMap;
use uuid::Uuid;

/// A list of ids for `SELECT unhex(value) FROM json_each(…)`: one statement for any number of them.
pub(super) fn ids_json(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<Value> = ids.map(|id| json!(id.simple().to_string())).collect();
    Value::from(ids).to_string()
}

/// Pairs of an organization's key and an id.
fn pairs_json(pairs: impl Iterator<Item = (i64, Uuid)>) -> String {
    let pairs: Vec<Value> = pairs
        .map(|(org_key, id)| json!([org_key, id.simple().to_string()]))
        .collect();
    Value::from(pairs).to_string()
}

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
         WHERE o.id IN (SELECT unhex(value) FROM json_each($1))",
    )
    .bind(ids_json(named.orgs.iter().map(OrgId::as_uuid)))
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
         FROM json_each($1) j CROSS JOIN unit u
         ON u.org_key = (j.value ->> 0) AND u.id = unhex(j.value ->> 1)",
        pairs_json(units),
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
         FROM json_each($1) j CROSS JOIN device d
         ON d.org_key = (j.value ->> 0) AND d.id = unhex(j.value ->> 1)",
        pairs_json(devices),
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
         FROM json_each($1) j CROSS JOIN site s
         ON s.org_key = (j.value ->> 0) AND s.id = unhex(j.value ->> 1)",
        pairs_json(sites),
    );
    keys.sites = sites.await?;
    Ok(keys)
}

async fn look_up(
    conn: &mut Connection,
    text: &'static str,
    pairs: String,
) -> Result<HashMap<(i64, Uuid), i64>, StoreError> {
    if pairs == "[]" {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, Uuid, i64)> = sqlx::query_as(text)
        .bind(pairs)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    Ok(found
        .into_iter()
        .map(|(org_key, id, key)| ((org_key, id), key))
        .collect())
}
