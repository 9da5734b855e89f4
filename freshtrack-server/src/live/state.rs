//! The present state, for clients that cannot be told what they missed.

use async_trait::async_trait;
use freshtrack_alerts::alert::AlertStatus;
use freshtrack_alerts::ports::{AlertFilter, AlertStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{PAGE_ROWS_MAX, PageRequest};
use freshtrack_core::ports::{Organizations, Outbox, Places, ReadingStore};
use freshtrack_realtime::LatestReading;
use freshtrack_realtime::ports::{LiveState, Snapshot};
use freshtrack_realtime::{Millis, SnapshotAlert, SnapshotUnit};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Looks at a busy organization before a snapshot is taken between two of its commits.
const ATTEMPTS: u8 = 3;

/// Units and alerts as the store has them.
#[derive(Clone)]
pub struct StoreState {
    /// Display units.
    pub organizations: Arc<dyn Organizations>,
    /// Units.
    pub places: Arc<dyn Places>,
    /// Newest readings.
    pub readings: Arc<dyn ReadingStore>,
    /// Open alerts.
    pub alerts: Arc<dyn AlertStore>,
    /// The sequence that the state is as of.
    pub outbox: Arc<dyn Outbox>,
}

impl fmt::Debug for StoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreState")
    }
}

impl StoreState {
    async fn units(&self, org: OrgId) -> Result<Vec<SnapshotUnit>, StoreError> {
        let display = self
            .organizations
            .find(org)
            .await?
            .map(|o| o.display_unit)
            .unwrap_or_default();
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest {
                limit: PAGE_ROWS_MAX,
                after,
            };
            let page = self.places.list_units(org, None, request).await?;
            let ids: Vec<UnitId> = page.items.iter().map(|unit| unit.id).collect();
            let latest: HashMap<_, _> = self
                .readings
                .latest(org, &ids)
                .await?
                .into_iter()
                .map(|reading| (reading.unit, reading))
                .collect();
            rows.extend(page.items.into_iter().map(|unit| {
                let reading = latest.get(&unit.id);
                SnapshotUnit {
                    unit_id: unit.id,
                    site_id: unit.site_id,
                    status: unit.status.as_str().to_owned(),
                    state: unit.status.group().to_owned(),
                    temperature: reading
                        .and_then(|r| r.temperature)
                        .map(|t| t.in_unit(display)),
                    recorded_at: reading.map(|r| Millis(r.recorded_at)),
                }
            }));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(rows),
            }
        }
    }

    async fn open_alerts(&self, org: OrgId) -> Result<Vec<SnapshotAlert>, StoreError> {
        let filter = AlertFilter {
            status: vec![AlertStatus::Active, AlertStatus::Acknowledged],
            ..AlertFilter::default()
        };
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest {
                limit: PAGE_ROWS_MAX,
                after,
            };
            let page = self.alerts.list(org, &filter, request).await?;
            rows.extend(page.items.into_iter().map(|alert| SnapshotAlert {
                alert_id: alert.id,
                unit_id: alert.unit,
                site_id: alert.site,
                alert_type: alert.key.alert_type.as_str().to_owned(),
                severity: alert.severity.as_str().to_owned(),
                status: alert.status.as_str().to_owned(),
                triggered_at: Millis(alert.raised_at),
                escalation_level: u32::from(alert.escalation_level) + 1,
                acknowledged_at: alert.acknowledged.map(|ack| Millis(ack.at)),
            }));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        rows.sort_unstable_by_key(|row| row.alert_id);
        Ok(rows)
    }
}

#[async_trait]
impl LiveState for StoreState {
    /// Reads the state between two looks at the sequence, again if something was committed meanwhile.
    /// A busy organization gets the number from before: what follows it may repeat what is in the
    /// state already, and nothing is missing.
    async fn snapshot(&self, org: OrgId) -> Result<Snapshot, StoreError> {
        let (mut seq, _) = self.outbox.bounds(org).await?;
        for attempt in 1.. {
            let units = self.units(org).await?;
            let alerts = self.open_alerts(org).await?;
            let (head, _) = self.outbox.bounds(org).await?;
            if head == seq || attempt == ATTEMPTS {
                return Ok(Snapshot { seq, units, alerts });
            }
            seq = head;
        }
        unreachable!("the last attempt answers")
    }

    async fn latest(&self, org: OrgId, unit: UnitId) -> Result<Option<LatestReading>, StoreError> {
        let readings = self.readings.latest(org, &[unit]).await?;
        Ok(readings.first().map(LatestReading::from_stored))
    }
}
