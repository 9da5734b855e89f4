//! What request handlers share: ports, services, settings. Holds no state of its own that matters.

use crate::audit_tree::AuditTrees;
use crate::config::Settings;
use crate::heartbeat::Heartbeat;
use crate::http::problem::Problem;
use crate::http::rate::RateLimits;
use crate::sockets::Arrivals;
use crate::store::Store;
use freshtrack_alerts::actions::AlertActions;
use freshtrack_alerts::ingest::Ingest;
use freshtrack_alerts::log_actions::LogActions;
use freshtrack_alerts::unit_actions::UnitActions;
use freshtrack_core::ids::{OrgId, UserId};
use freshtrack_core::ports::{Clock, IdGen, TokenVerifier};
use freshtrack_core::principal::{ApiKey, Identity, Role, User};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_realtime::Hub;
use freshtrack_realtime::ports::Membership;
use metrics_exporter_prometheus::PrometheusHandle;
use moka::future::Cache;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use tokio::sync::Notify;

/// A key's last use is written at most this often.
const TOUCH_EVERY: Span = Span::from_seconds(60);

/// Everything handlers need.
pub struct App {
    /// Storage ports.
    pub store: Store,
    /// The way in for readings.
    pub ingest: Ingest,
    /// What people do with alerts.
    pub alerts: AlertActions,
    /// What people do to units.
    pub units: UnitActions,
    /// Signed states of the audit logs, and proofs.
    pub audit_trees: AuditTrees,
    /// Writing into the log book.
    pub log_book: LogActions,
    /// Live connections.
    pub hub: Hub,
    /// Who may be connected.
    pub membership: Arc<dyn Membership>,
    /// Checks bearer tokens.
    pub verifier: Arc<dyn TokenVerifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn IdGen>,
    /// The address under which networks and people reach this server.
    pub public_url: String,
    /// Settings.
    pub settings: Arc<Settings>,
    /// Requests per credential.
    pub rates: RateLimits,
    /// Who may open live connections, before they prove who they are.
    pub arrivals: Arc<Arrivals>,
    /// Rendered by `/metrics`.
    pub metrics: PrometheusHandle,
    /// Loops of this process, for health.
    pub beats: Vec<Arc<Heartbeat>>,
    /// Events committed and not yet handed to the hub.
    pub dispatcher_behind: Arc<AtomicI64>,
    /// Told when a network event is in the inbox.
    pub inbox_wake: Arc<Notify>,
    /// Set when the process is about to stop.
    pub draining: AtomicBool,
    /// People seen lately, so that a request does not look them up again.
    pub users: Cache<(String, String), User>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl App {
    /// The role of a person in an organization, as the store has it now.
    ///
    /// # Errors
    /// 503 if the store did not answer.
    pub async fn role_in(&self, org: OrgId, user: UserId) -> Result<Option<Role>, Problem> {
        let memberships = self.store.organizations.memberships(user).await?;
        Ok(memberships
            .into_iter()
            .find(|m| m.org == org)
            .map(|m| m.role))
    }

    /// The record of the person a token names; made on first sight, without any membership.
    ///
    /// # Errors
    /// 503 if the store did not answer.
    pub async fn user_of(&self, identity: Identity) -> Result<User, Problem> {
        let key = (identity.issuer.clone(), identity.subject.clone());
        if let Some(user) = self.users.get(&key).await
            && user.email == identity.email
        {
            return Ok(user);
        }
        let user = User {
            id: UserId::from_uuid(self.ids.uuid()),
            issuer: identity.issuer,
            subject: identity.subject,
            email: identity.email,
            created_at: self.clock.now(),
        };
        let user = self.store.organizations.ensure_user(user).await?;
        self.users.insert(key, user.clone()).await;
        Ok(user)
    }

    /// The key with this prefix.
    ///
    /// # Errors
    /// 503 if the store did not answer.
    pub async fn key_by_prefix(&self, prefix: &str) -> Result<Option<ApiKey>, Problem> {
        Ok(self.store.api_keys.find_by_prefix(prefix).await?)
    }

    /// Notes the use of a key, at most once a minute. A failure is logged and costs the caller nothing.
    pub async fn note_key_use(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_some_and(|at| now - at < TOUCH_EVERY) {
            return;
        }
        if let Err(error) = self.store.api_keys.touch(key.org, key.id, now).await {
            tracing::warn!(error = ?error, "use of a key could not be noted");
        }
    }

    /// The scale of an answer: what the request asks for, else the organization's.
    ///
    /// # Errors
    /// 404 if the organization does not exist, 503 if the store did not answer.
    pub async fn display_unit(
        &self,
        org: OrgId,
        wanted: Option<TemperatureUnit>,
    ) -> Result<TemperatureUnit, Problem> {
        if let Some(unit) = wanted {
            return Ok(unit);
        }
        let organization = self.store.organizations.find(org).await?;
        Ok(organization.ok_or_else(Problem::not_found)?.display_unit)
    }

    /// Counts what became of posted readings.
    pub fn count_readings(&self, accepted: u32, duplicate: u32, quarantined: u32, rejected: u32) {
        for (result, count) in [
            ("accepted", accepted),
            ("duplicate", duplicate),
            ("quarantined", quarantined),
            ("rejected", rejected),
        ] {
            metrics::counter!("freshtrack_readings_total", "result" => result)
                .increment(u64::from(count));
        }
    }
}
