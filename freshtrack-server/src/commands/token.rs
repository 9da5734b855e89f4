//! `freshtrack token`: a signed token, for installations without an identity provider.

use crate::cli::{Failure, Token, parse_time};
use crate::clock::{RandomIds, SystemClock};
use crate::config;
use crate::database;
use crate::identity;
use crate::local_key::LocalKey;
use crate::onboarding::local_user;
use anyhow::Context;
use freshtrack_core::audit::{AuditCategory, AuditDraft, AuditRefs, AuditSeverity, Journal};
use freshtrack_core::event::{EventKind, OutboxDraft};
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::Clock;
use freshtrack_core::principal::{Actor, Role};
use freshtrack_core::time::Timestamp;
use serde_json::json;
use std::process::ExitCode;

/// Makes sure that person and membership are in the store, then prints a token. The token names the
/// person and nothing else: the role is looked up in the store on each request.
///
/// # Errors
/// Exit 2 for a wrong flag, exit 1 if the organization does not exist.
pub async fn run(flags: Token) -> Result<ExitCode, Failure> {
    let settings = config::load(flags.store.overrides())?;
    let org: OrgId = super::word("--organization", &flags.organization)?;
    let role: Role = super::word("--role", &flags.role)?;
    let email = super::email("--user", &flags.user)?;
    let ttl = parse_time("--ttl", &flags.ttl)?;
    let ids = RandomIds;
    let now = SystemClock::start().now();
    let key = LocalKey::open(&settings.data_dir, &ids).context("opening the signing key")?;
    let store = database::open(&settings).await?;
    // Looked up first: a person of an organization that is not there is not made either.
    if store.organizations.find(org).await?.is_none() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there is no organization {org}"
        )));
    }
    let user = store
        .organizations
        .ensure_user(local_user(&ids, &email, now))
        .await?;
    store
        .organizations
        .set_role(org, user.id, role, now, granted(user.id, role, now))
        .await?;
    let token = identity::sign(&key, &user, now, ttl)?;
    store.close().await;
    #[expect(clippy::print_stdout, reason = "the command line talks to people")]
    {
        println!("{token}");
    }
    Ok(ExitCode::SUCCESS)
}

fn granted(user: UserId, role: Role, now: Timestamp) -> Journal {
    let payload = json!({ "user_id": user, "role": role, "change": "role_changed" });
    Journal {
        audit: vec![AuditDraft {
            at: now,
            actor: Actor::System,
            category: AuditCategory::Member,
            kind: "member.role_set".to_owned(),
            severity: AuditSeverity::Info,
            title: "role set from the command line".to_owned(),
            refs: AuditRefs::default(),
            data: payload.clone(),
        }],
        outbox: vec![OutboxDraft {
            kind: EventKind::MembershipChanged,
            occurred_at: now,
            site: None,
            unit: None,
            alert: None,
            user: Some(user),
            payload,
        }],
    }
}
