//! [`Suppressions`] on either database, and those that reach units about to be evaluated.

use super::rule_store::{exists, make_due};
use super::{Adapter, Connection, finish, journal};
use crate::store::alert_filter::bound;
use crate::store::batch::SuppressionOut;
use crate::store::column::{At, to_json};
use crate::store::error::failed;
use crate::store::rows::BodyRow;
use async_trait::async_trait;
use freshtrack_alerts::change::UnitContext;
use freshtrack_alerts::ports::{RulePlace, SuppressionCursor, Suppressions};
use freshtrack_alerts::suppression::Suppression;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, SuppressionId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

const TABLE: &str = "suppression";

#[async_trait]
impl Suppressions for Adapter {
    async fn create(
        &self,
        org: OrgId,
        suppression: Suppression,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let place = place_of(&suppression);
        if !exists(&mut tx, org, head.org_key, place).await? {
            return Err(StoreError::Missing { what: "scope_id" });
        }
        let row = SuppressionOut::of(&suppression)?;
        insert(&mut tx, head.org_key, &row).await?;
        make_due(&mut tx, head.org_key, place, suppression.created_at).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn end(
        &self,
        org: OrgId,
        id: SuppressionId,
        at: Timestamp,
        journal: Journal,
    ) -> Result<Suppression, StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let row: Option<BodyRow> =
            sqlx::query_as("SELECT body FROM suppression WHERE org_key = $1 AND id = $2")
                .bind(head.org_key)
                .bind(id.as_uuid())
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed)?;
        let missing = StoreError::Missing {
            what: "suppression",
        };
        let stored: Suppression = row.ok_or(missing)?.into_record(TABLE)?;
        let Some(ended) = stored.ended(at) else {
            return Ok(stored);
        };
        sqlx::query(
            "UPDATE suppression SET over_at = $3, body = $4, version = $5
             WHERE org_key = $1 AND id = $2",
        )
        .bind(head.org_key)
        .bind(id.as_uuid())
        .bind(At(ended.ends()))
        .bind(to_json(&ended)?)
        .bind(ended.version)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        make_due(&mut tx, head.org_key, place_of(&ended), at).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await?;
        Ok(ended)
    }

    async fn find(&self, org: OrgId, id: SuppressionId) -> Result<Option<Suppression>, StoreError> {
        let row: Option<BodyRow> = sqlx::query_as(
            "SELECT body FROM suppression
             WHERE org_key = (SELECT key FROM organization WHERE id = $1) AND id = $2",
        )
        .bind(org.as_uuid())
        .bind(id.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(|row| row.into_record(TABLE)).transpose()
    }

    async fn list(
        &self,
        org: OrgId,
        at: Option<Timestamp>,
        page: PageRequest<SuppressionCursor>,
    ) -> Result<Page<Suppression, SuppressionCursor>, StoreError> {
        let after = page.after.map(|(at, id)| (at, id.as_uuid()));
        let (before, before_id) = bound(None, after);
        // without an instant every window passes both comparisons
        let rows: Vec<BodyRow> = sqlx::query_as(
            "SELECT body FROM suppression
             WHERE org_key = (SELECT key FROM organization WHERE id = $1)
               AND (starts_at, id) < ($2, $3) AND starts_at <= $4 AND over_at > $5
             ORDER BY starts_at DESC, id DESC LIMIT $6",
        )
        .bind(org.as_uuid())
        .bind(At(before))
        .bind(before_id)
        .bind(At(at.unwrap_or(Timestamp::MAX)))
        .bind(At(at.unwrap_or(Timestamp::MIN)))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let found: Result<Vec<Suppression>, StoreError> =
            rows.into_iter().map(|row| row.into_record(TABLE)).collect();
        Ok(Page::from_surplus(found?, page.limit, |known| {
            (known.starts_at, known.id)
        }))
    }
}

const fn place_of(suppression: &Suppression) -> RulePlace {
    RulePlace {
        scope: suppression.scope,
        scope_id: suppression.scope_id,
        unit_type: None,
    }
}

/// Inserts a suppression.
pub(super) async fn insert(
    conn: &mut Connection,
    org_key: i64,
    row: &SuppressionOut,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO suppression (org_key, id, scope, scope_id, starts_at, ends_at, over_at, body,
                                  version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(org_key)
    .bind(row.id)
    .bind(row.scope)
    .bind(row.scope_id)
    .bind(row.starts_at)
    .bind(row.ends_at)
    .bind(row.over_at)
    .bind(&row.body)
    .bind(row.version)
    .execute(conn)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Lets units about to be evaluated know the windows that reach them. Those whose planned end lies
/// before a unit's last evaluation cannot matter to it any more.
pub(super) async fn learn(
    conn: &mut Connection,
    org: OrgId,
    org_key: i64,
    units: &mut [UnitContext],
) -> Result<(), StoreError> {
    let known_until = |unit: &UnitContext| unit.monitor.looked_at(unit.unit.created_at);
    let Some(oldest) = units.iter().map(known_until).min() else {
        return Ok(());
    };
    let rows: Vec<BodyRow> = sqlx::query_as(
        "SELECT body FROM suppression WHERE org_key = $1 AND ends_at > $2 ORDER BY key",
    )
    .bind(org_key)
    .bind(At(oldest))
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    for row in rows {
        let suppression: Suppression = row.into_record(TABLE)?;
        for context in &mut *units {
            if suppression.reaches(org, &context.unit) && suppression.ends_at > known_until(context)
            {
                context.monitor.learn([suppression.window()]);
            }
        }
    }
    Ok(())
}
