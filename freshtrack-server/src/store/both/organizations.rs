//! [`Organizations`] on either database.

use super::{Adapter, Connection, api_keys, finish, journal, members, places};
use crate::store::chain::Head;
use crate::store::column::At;
use crate::store::error::{failed, inserted};
use crate::store::rows::{
    MemberRow, MembershipRow, OrganizationRow, OwnOrganizationRow, UserRow, unit_display,
};
use async_trait::async_trait;
use freshtrack_core::audit::{CHAIN_START, Journal};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Organization;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::{Member, MemberChange, NewOrganization, Organizations};
use freshtrack_core::principal::{Membership, Role, User};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl Organizations for Adapter {
    async fn create(&self, new: NewOrganization, journal: Journal) -> Result<(), StoreError> {
        let org = new.organization.id;
        let mut tx = self.begin().await?;
        let org_key = insert(&mut tx, &new.organization).await?;
        let (_, owner_key) = ensure_user(&mut tx, &new.owner).await?;
        let since = new.organization.created_at;
        put_member(&mut tx, (org_key, owner_key), Role::Owner, since).await?;
        for site in &new.sites {
            places::insert_site(&mut tx, org_key, site).await?;
        }
        for area in &new.areas {
            places::insert_area(&mut tx, org_key, area).await?;
        }
        for unit in &new.units {
            places::insert_unit(&mut tx, org_key, unit).await?;
        }
        for key in &new.api_keys {
            api_keys::insert(&mut tx, org_key, key).await?;
        }
        journal::append(&mut tx, org, Head::new(org_key), &journal).await?;
        finish(tx).await
    }

    async fn find(&self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        let row: Option<OrganizationRow> = sqlx::query_as(
            "SELECT id, name, slug, timezone, display_unit, simulator_alerts, created_at, version
             FROM organization WHERE id = $1",
        )
        .bind(org.as_uuid())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(OrganizationRow::into_organization).transpose()
    }

    async fn ensure_user(&self, user: User) -> Result<User, StoreError> {
        let known = find_user(self, &user).await?;
        if let Some(known) = known
            && (user.email.is_none() || known.email == user.email)
        {
            return Ok(known);
        }
        let mut tx = self.begin().await?;
        let (mut stored, key) = ensure_user(&mut tx, &user).await?;
        if user.email.is_some() && stored.email != user.email {
            sqlx::query("UPDATE app_user SET email = $2 WHERE key = $1")
                .bind(key)
                .bind(&user.email)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            stored.email = user.email;
        }
        finish(tx).await?;
        Ok(stored)
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let rows: Vec<MembershipRow> = sqlx::query_as(
            "SELECT o.id AS org_id, u.id AS user_id, m.role, m.created_at AS member_since
             FROM app_user u
             JOIN membership m ON m.user_key = u.key
             JOIN organization o ON o.key = m.org_key
             WHERE u.id = $1 ORDER BY m.created_at, o.id LIMIT 200",
        )
        .bind(user.as_uuid())
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(MembershipRow::into_membership)
            .collect()
    }

    async fn organizations_of(
        &self,
        user: UserId,
    ) -> Result<Vec<(Organization, Membership)>, StoreError> {
        let rows: Vec<OwnOrganizationRow> = sqlx::query_as(
            "SELECT o.id, o.name, o.slug, o.timezone, o.display_unit, o.simulator_alerts,
                    o.created_at, o.version, o.id AS org_id, u.id AS user_id, m.role,
                    m.created_at AS member_since
             FROM app_user u
             JOIN membership m ON m.user_key = u.key
             JOIN organization o ON o.key = m.org_key
             WHERE u.id = $1 ORDER BY m.created_at, o.id LIMIT 200",
        )
        .bind(user.as_uuid())
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(OwnOrganizationRow::into_pair)
            .collect()
    }

    async fn update(&self, organization: Organization, journal: Journal) -> Result<(), StoreError> {
        let org = organization.id;
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let done = sqlx::query(
            "UPDATE organization SET name = $2, timezone = $3, display_unit = $4, version = $5
             WHERE key = $1 AND version = $5 - 1",
        )
        .bind(head.org_key)
        .bind(&organization.name)
        .bind(&organization.timezone)
        .bind(unit_display(organization.display_unit))
        .bind(organization.version)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn change_members(
        &self,
        org: OrgId,
        changes: &[MemberChange],
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        for change in changes {
            members::apply(&mut tx, head.org_key, change).await?;
        }
        members::keeps_an_owner(&mut tx, head.org_key).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn set_role(
        &self,
        org: OrgId,
        user: UserId,
        role: Role,
        now: Timestamp,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let head = journal::hold_head(&mut tx, org).await?;
        let user_key: i64 = sqlx::query_scalar("SELECT key FROM app_user WHERE id = $1")
            .bind(user.as_uuid())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?
            .ok_or(StoreError::Missing { what: "user" })?;
        if put_member(&mut tx, (head.org_key, user_key), role, now).await? == 0 {
            return Ok(());
        }
        members::keeps_an_owner(&mut tx, head.org_key).await?;
        journal::append(&mut tx, org, head, &journal).await?;
        finish(tx).await
    }

    async fn members(&self, org: OrgId, limit: u16) -> Result<Vec<Member>, StoreError> {
        let rows: Vec<MemberRow> = sqlx::query_as(
            "SELECT u.id, u.issuer, u.subject, u.email, u.created_at, o.id AS org_id, m.role,
                    m.created_at AS member_since
             FROM organization o
             JOIN membership m ON m.org_key = o.key
             JOIN app_user u ON u.key = m.user_key
             WHERE o.id = $1 ORDER BY m.created_at, u.id LIMIT $2",
        )
        .bind(org.as_uuid())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(MemberRow::into_member).collect()
    }
}

/// Stores an organization with an empty history and answers its key.
async fn insert(conn: &mut Connection, organization: &Organization) -> Result<i64, StoreError> {
    let known: Option<i64> = sqlx::query_scalar("SELECT key FROM organization WHERE id = $1")
        .bind(organization.id.as_uuid())
        .fetch_optional(&mut *conn)
        .await
        .map_err(failed)?;
    inserted(u64::from(known.is_none()), "organization")?;
    let org_key: Option<i64> = sqlx::query_scalar(
        "INSERT INTO organization (id, name, slug, timezone, display_unit, simulator_alerts,
                                   created_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (slug) DO NOTHING RETURNING key",
    )
    .bind(organization.id.as_uuid())
    .bind(&organization.name)
    .bind(&organization.slug)
    .bind(&organization.timezone)
    .bind(unit_display(organization.display_unit))
    .bind(organization.simulator_alerts)
    .bind(At(organization.created_at))
    .bind(organization.version)
    .fetch_optional(&mut *conn)
    .await
    .map_err(failed)?;
    let org_key = org_key.ok_or(StoreError::Taken { what: "slug" })?;
    sqlx::query(
        "INSERT INTO organization_head (org_key, outbox_seq, audit_seq, audit_hash)
         VALUES ($1, 0, 0, $2)",
    )
    .bind(org_key)
    .bind(CHAIN_START)
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(org_key)
}

/// The person with this issuer and subject as stored, made if new, and the key.
async fn ensure_user(conn: &mut Connection, user: &User) -> Result<(User, i64), StoreError> {
    sqlx::query(
        "INSERT INTO app_user (id, issuer, subject, email, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (issuer, subject) DO NOTHING",
    )
    .bind(user.id.as_uuid())
    .bind(&user.issuer)
    .bind(&user.subject)
    .bind(&user.email)
    .bind(At(user.created_at))
    .execute(&mut *conn)
    .await
    .map_err(failed)?;
    let key: i64 =
        sqlx::query_scalar("SELECT key FROM app_user WHERE issuer = $1 AND subject = $2")
            .bind(&user.issuer)
            .bind(&user.subject)
            .fetch_one(&mut *conn)
            .await
            .map_err(failed)?;
    let stored: UserRow = sqlx::query_as(
        "SELECT id, issuer, subject, email, created_at FROM app_user WHERE key = $1",
    )
    .bind(key)
    .fetch_one(conn)
    .await
    .map_err(failed)?;
    Ok((stored.into(), key))
}

/// The person as already stored, so that a known one costs no write.
async fn find_user(store: &Adapter, user: &User) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> = sqlx::query_as(
        "SELECT id, issuer, subject, email, created_at FROM app_user
         WHERE issuer = $1 AND subject = $2",
    )
    .bind(&user.issuer)
    .bind(&user.subject)
    .fetch_optional(store.reader())
    .await
    .map_err(failed)?;
    Ok(row.map(User::from))
}

/// Makes or changes a membership; answers how many rows that changed.
async fn put_member(
    conn: &mut Connection,
    (org_key, user_key): (i64, i64),
    role: Role,
    since: Timestamp,
) -> Result<u64, StoreError> {
    sqlx::query(
        "INSERT INTO membership (org_key, user_key, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org_key, user_key) DO UPDATE SET role = excluded.role
         WHERE membership.role <> excluded.role",
    )
    .bind(org_key)
    .bind(user_key)
    .bind(role.as_str())
    .bind(At(since))
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
    .map_err(failed)
}
