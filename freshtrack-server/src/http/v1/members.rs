//! Who belongs to an organization, and as what.

use super::{Tags, journal};
use crate::app::App;
use crate::http::auth::{Access, Caller};
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::{Member, MemberChange};
use freshtrack_core::principal::Role;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Most members a list shows.
const MEMBERS_MAX: u16 = 1_000;

/// A person as member of the organization.
#[derive(Debug, Object)]
#[oai(rename = "Member")]
pub struct MemberView {
    /// The person.
    user_id: Uuid,
    /// E-mail address, as the identity provider says.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
    /// The role.
    role: Wire<Role>,
    /// Since when.
    member_since: Time,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user.id.as_uuid(),
            email: member.user.email,
            role: Wire(member.membership.role),
            member_since: Time(member.membership.created_at),
        }
    }
}

/// Members.
#[derive(Debug, Object)]
pub struct MemberList {
    /// All of them, oldest membership first; at most 1,000.
    items: Vec<MemberView>,
}

/// A person's role.
#[derive(Debug, Object)]
pub struct MemberRole {
    /// The person.
    user_id: Uuid,
    /// The role.
    role: Wire<Role>,
}

/// A new role.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RoleChange {
    /// The role from now on; not above the caller's own.
    role: Wire<Role>,
}

/// Who becomes owner.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewOwner {
    /// A member.
    user_id: Uuid,
}

/// Both roles after a transfer.
#[derive(Debug, Object)]
pub struct OwnershipTransferred {
    /// The new owner.
    owner: MemberRole,
    /// The caller, who is admin now.
    former_owner: MemberRole,
}

/// The membership is over.
#[derive(Debug, ApiResponse)]
pub enum MemberRemoved {
    /// Done.
    #[oai(status = 204)]
    Removed,
}

/// Members.
#[derive(Debug)]
pub struct MembersApi;

#[OpenApi(tag = "Tags::Members")]
impl MembersApi {
    /// Members of the organization
    #[oai(
        path = "/organizations/:org_id/members",
        method = "get",
        operation_id = "list_members"
    )]
    async fn list_members(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
    ) -> Result<Json<MemberList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListMembers)
            .await?;
        let members = app.store.organizations.members(access.org, MEMBERS_MAX);
        Ok(Json(MemberList {
            items: members.await?.into_iter().map(Into::into).collect(),
        }))
    }

    /// Changes a member's role
    #[oai(
        path = "/organizations/:org_id/members/:user_id",
        method = "patch",
        operation_id = "change_member"
    )]
    async fn change_member(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        user_id: Path<Uuid>,
        body: Body<RoleChange>,
    ) -> Result<Json<MemberRole>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::ChangeMember).await?;
        let user = UserId::from_uuid(user_id.0);
        let role = body.0.role.0;
        let before = role_below(&app, &access, user).await?;
        if role > access.role {
            return Err(Problem::new(Code::GrantAboveOwnRole));
        }
        if role != before {
            let now = app.clock.now();
            let record = journal::member(&access, now, "member.role_changed", user, Some(role));
            change(&app, &access, user, (before, Some(role)), record).await?;
        }
        Ok(Json(MemberRole {
            user_id: user_id.0,
            role: Wire(role),
        }))
    }

    /// Ends a membership; everybody may end their own
    #[oai(
        path = "/organizations/:org_id/members/:user_id",
        method = "delete",
        operation_id = "remove_member"
    )]
    async fn remove_member(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        user_id: Path<Uuid>,
    ) -> Result<MemberRemoved, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let user = UserId::from_uuid(user_id.0);
        // Leaving needs membership and nothing more.
        let operation = if caller.is(user) {
            Operation::ListMembers
        } else {
            Operation::RemoveMember
        };
        let access = caller.authorize(&app, org, operation).await?;
        let before = role_below(&app, &access, user).await?;
        let record = journal::member(&access, app.clock.now(), "member.removed", user, None);
        change(&app, &access, user, (before, None), record).await?;
        Ok(MemberRemoved::Removed)
    }

    /// Makes another member owner; the caller becomes admin
    #[oai(
        path = "/organizations/:org_id/ownership-transfer",
        method = "post",
        operation_id = "transfer_ownership"
    )]
    async fn transfer_ownership(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewOwner>,
    ) -> Result<Json<OwnershipTransferred>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::TransferOwnership)
            .await?;
        let from = access.person()?;
        let to = UserId::from_uuid(body.0.user_id);
        if from == to {
            return Err(Problem::field("/user_id", "must be another member"));
        }
        let before = app.role_in(org, to).await?.ok_or_else(|| {
            Problem::not_found().and_error("/user_id", "not-found", "is no member")
        })?;
        let now = app.clock.now();
        let kind = "member.ownership_transferred";
        let mut record = journal::member(&access, now, kind, to, Some(Role::Owner));
        let second = journal::member(&access, now, kind, from, Some(Role::Admin));
        record.audit.extend(second.audit);
        record.outbox.extend(second.outbox);
        let changes = [
            MemberChange {
                user: to,
                expected: before,
                to: Some(Role::Owner),
            },
            MemberChange {
                user: from,
                expected: Role::Owner,
                to: Some(Role::Admin),
            },
        ];
        app.store
            .organizations
            .change_members(org, &changes, record)
            .await?;
        Ok(Json(OwnershipTransferred {
            owner: MemberRole {
                user_id: to.as_uuid(),
                role: Wire(Role::Owner),
            },
            former_owner: MemberRole {
                user_id: from.as_uuid(),
                role: Wire(Role::Admin),
            },
        }))
    }
}

/// The role of a member the caller may change: one that is not above the caller's own.
async fn role_below(app: &App, access: &Access, user: UserId) -> Result<Role, Problem> {
    let role = app
        .role_in(access.org, user)
        .await?
        .ok_or_else(Problem::not_found)?;
    if role > access.role {
        return Err(Problem::new(Code::GrantAboveOwnRole));
    }
    Ok(role)
}

/// Changes one member, as long as the caller still has the role the decision was based on.
async fn change(
    app: &App,
    access: &Access,
    user: UserId,
    (expected, to): (Role, Option<Role>),
    record: Journal,
) -> Result<(), Problem> {
    let own = access.person()?;
    let mut changes = Vec::with_capacity(2);
    if own != user {
        changes.push(MemberChange {
            user: own,
            expected: access.role,
            to: Some(access.role),
        });
    }
    changes.push(MemberChange { user, expected, to });
    app.store
        .organizations
        .change_members(access.org, &changes, record)
        .await?;
    Ok(())
}
