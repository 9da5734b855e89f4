//! What gateways do to incidents: one that is gone explains the silences of its site.

use crate::change::Change;
use crate::engine::{ATTEMPTS, Engine, unanswered};
use crate::outage_watch::OutageWatch;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{GatewayId, OrgId, SiteId};
use freshtrack_core::time::Timestamp;

/// Opens and closes the incidents of gateways.
#[derive(Debug, Clone)]
pub struct IncidentActions {
    engine: Engine,
}

impl IncidentActions {
    /// Actions over these ports.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// A gateway of `site` was last seen at `last_seen_at` and counts as lost: units of the site that
    /// fell silent since belong to its incident. Saying it again changes nothing.
    ///
    /// # Errors
    /// The store did not answer, or is unaware of the organization; nothing was changed.
    pub async fn gateway_lost(
        &self,
        org: OrgId,
        gateway: GatewayId,
        site: SiteId,
        last_seen_at: Timestamp,
    ) -> Result<(), StoreError> {
        let lost = |watch: &mut OutageWatch<'_>, now| {
            watch.gateway_lost(gateway, site, last_seen_at, now);
        };
        self.change(org, lost).await
    }

    /// A gateway is there again: its incident ends with its last alert.
    ///
    /// # Errors
    /// As for [`Self::gateway_lost`].
    pub async fn gateway_seen(&self, org: OrgId, gateway: GatewayId) -> Result<(), StoreError> {
        let seen = |watch: &mut OutageWatch<'_>, now| watch.gateway_seen(gateway, now);
        self.change(org, seen).await
    }

    async fn change(
        &self,
        org: OrgId,
        apply: impl Fn(&mut OutageWatch<'_>, Timestamp) + Send + Sync,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let loaded = self.engine.store.load(org, &[]).await?;
            let loaded = loaded.ok_or(StoreError::Missing {
                what: "organization",
            })?;
            let now = self.engine.clock.now();
            let mut change = Change::empty(org, now);
            {
                let mut watch = OutageWatch::new(loaded.outages, &*self.engine.ids);
                apply(&mut watch, now);
                watch.settle(&mut change);
            }
            if change.outages.is_none() {
                return Ok(());
            }
            let committed = self.engine.store.commit(&[change]).await?;
            match committed
                .into_iter()
                .next()
                .unwrap_or_else(|| Err(unanswered()))
            {
                Err(StoreError::Conflict) => {}
                answer => return answer,
            }
        }
        Err(StoreError::Conflict)
    }
}
