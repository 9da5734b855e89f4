//! People, memberships and machine credentials.

use crate::store::column::{At, from_json, parse};
use crate::store::error::corrupt;
use crate::store::rows::OrganizationRow;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Organization;
use freshtrack_core::ports::Member;
use freshtrack_core::principal::{ApiKey, Membership, User};
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `app_user`.
#[derive(FromRow)]
pub(crate) struct UserRow {
    id: Uuid,
    issuer: String,
    subject: String,
    email: Option<String>,
    created_at: At,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.into(),
            issuer: row.issuer,
            subject: row.subject,
            email: row.email,
            created_at: row.created_at.0,
        }
    }
}

/// A row of `membership` with both ids.
#[derive(FromRow)]
pub(crate) struct MembershipRow {
    org_id: Uuid,
    user_id: Uuid,
    role: String,
    member_since: At,
}

impl MembershipRow {
    pub(crate) fn into_membership(self) -> Result<Membership, StoreError> {
        Ok(Membership {
            org: self.org_id.into(),
            user: self.user_id.into(),
            role: parse("membership", "role", &self.role)?,
            created_at: self.member_since.0,
        })
    }
}

/// An organization and one person's membership in one row.
#[derive(FromRow)]
pub(crate) struct OwnOrganizationRow {
    #[sqlx(flatten)]
    organization: OrganizationRow,
    #[sqlx(flatten)]
    membership: MembershipRow,
}

impl OwnOrganizationRow {
    pub(crate) fn into_pair(self) -> Result<(Organization, Membership), StoreError> {
        Ok((
            self.organization.into_organization()?,
            self.membership.into_membership()?,
        ))
    }
}

/// A person and the membership in one row.
#[derive(FromRow)]
pub(crate) struct MemberRow {
    id: Uuid,
    issuer: String,
    subject: String,
    email: Option<String>,
    created_at: At,
    org_id: Uuid,
    role: String,
    member_since: At,
}

impl MemberRow {
    pub(crate) fn into_member(self) -> Result<Member, StoreError> {
        let membership = MembershipRow {
            org_id: self.org_id,
            user_id: self.id,
            role: self.role,
            member_since: self.member_since,
        };
        let user = UserRow {
            id: self.id,
            issuer: self.issuer,
            subject: self.subject,
            email: self.email,
            created_at: self.created_at,
        };
        Ok(Member {
            user: user.into(),
            membership: membership.into_membership()?,
        })
    }
}

/// A row of `api_key` with its organization's id.
#[derive(FromRow)]
pub(crate) struct ApiKeyRow {
    id: Uuid,
    org_id: Uuid,
    name: String,
    prefix: String,
    secret_hash: Vec<u8>,
    scopes: String,
    expires_at: Option<At>,
    revoked_at: Option<At>,
    last_used_at: Option<At>,
    rotated_from: Option<Uuid>,
    created_at: At,
}

impl ApiKeyRow {
    pub(crate) fn into_api_key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            id: self.id.into(),
            org: self.org_id.into(),
            name: self.name,
            prefix: self.prefix,
            secret_hash: self
                .secret_hash
                .try_into()
                .map_err(|_| corrupt("api_key", "secret_hash"))?,
            scopes: from_json("api_key", "scopes", &self.scopes)?,
            expires_at: self.expires_at.map(|at| at.0),
            revoked_at: self.revoked_at.map(|at| at.0),
            last_used_at: self.last_used_at.map(|at| at.0),
            rotated_from: self.rotated_from.map(Into::into),
            created_at: self.created_at.0,
        })
    }
}
