//! Tells the dispatcher at once that something was committed here.

use async_trait::async_trait;
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::ports::MonitorStore;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::Timestamp;
use std::sync::Arc;
use tokio::sync::Notify;

/// A monitor store that signals after each commit, and measures it.
pub(super) struct SignallingMonitors {
    inner: Arc<dyn MonitorStore>,
    committed: Arc<Notify>,
}

impl SignallingMonitors {
    pub(super) fn new(inner: Arc<dyn MonitorStore>, committed: Arc<Notify>) -> Self {
        Self { inner, committed }
    }
}

#[async_trait]
impl MonitorStore for SignallingMonitors {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        self.inner.resolve(org, targets).await
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        self.inner.load(org, units).await
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.stored(org, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let started = tokio::time::Instant::now();
        let committed = self.inner.commit(changes).await;
        metrics::histogram!("freshtrack_commit_seconds").record(started.elapsed().as_secs_f64());
        if committed.is_ok() {
            self.committed.notify_one();
        }
        committed
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.inner.due(now, limit).await
    }
}
