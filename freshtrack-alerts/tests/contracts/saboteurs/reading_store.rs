//! Bad stores of readings.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{AlertCursor, AlertFilter, AlertStore, MonitorStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::ports::{ReadingCursor, ReadingOrder, ReadingQuery, ReadingStore};
use freshtrack_core::reading::{QuarantinedReading, Reading, ReadingKey};
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsTheRawValue,
    ClosesTheWindow,
    IgnoresTheProbe,
    IgnoresTheDirection,
    RepeatsRows,
    TenantBlindList,
    TenantBlindLatest,
    TenantBlindQuarantine,
    LatestOfAnything,
    OldestFirst,
    Unbounded,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(Bad, inner: Organizations Places Devices LifeCycle ApiKeys AuditLog Outbox);

super::caught! { reading_store;
    readings_come_back_as_they_were_stored: ForgetsTheRawValue, "every field survives";
    the_window_of_readings_is_half_open: ClosesTheWindow, "to is not";
    readings_are_in_order_of_time_device_and_probe: IgnoresTheProbe, "oldest first";
    readings_are_in_order_of_time_device_and_probe: IgnoresTheDirection, "newest first";
    pages_visit_every_reading_once_while_readings_are_added: RepeatsRows, "each reading once";
    another_organizations_readings_are_unknown: TenantBlindList, "must not be listed";
    another_organizations_readings_are_unknown: TenantBlindLatest, "latest reading must not be told";
    another_organizations_readings_are_unknown: TenantBlindQuarantine, "values must not be told";
    the_latest_is_the_newest_evaluated_reading_of_each_unit: LatestOfAnything, "the newest evaluated one";
    quarantined_values_come_newest_first_and_bounded: OldestFirst, "newest first";
    quarantined_values_come_newest_first_and_bounded: Unbounded, "no more than asked for";
}

#[async_trait]
impl ReadingStore for Bad {
    async fn list(
        &self,
        org: OrgId,
        mut query: ReadingQuery,
        mut page: PageRequest<ReadingCursor>,
    ) -> Result<Page<Reading, ReadingCursor>, StoreError> {
        match self.fault {
            Fault::ClosesTheWindow => query.to = query.to + Span::from_micros(1),
            Fault::IgnoresTheDirection => query.order = ReadingOrder::OldestFirst,
            Fault::RepeatsRows => page.after = None,
            _ => {}
        }
        let inner = &self.inner;
        let mut found = ReadingStore::list(inner, org, query, page.clone()).await?;
        match self.fault {
            Fault::ForgetsTheRawValue => {
                found
                    .items
                    .iter_mut()
                    .for_each(|reading| reading.raw_temperature = None);
            }
            Fault::IgnoresTheProbe => {
                found
                    .items
                    .sort_by_key(|r| (r.recorded_at, r.device, u8::MAX - r.probe));
            }
            Fault::TenantBlindList => {
                for other in everybody(inner) {
                    let theirs = ReadingStore::list(inner, other, query, page.clone()).await?;
                    found.items.extend(theirs.items);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn latest(&self, org: OrgId, units: &[UnitId]) -> Result<Vec<Reading>, StoreError> {
        let inner = &self.inner;
        let mut found = inner.latest(org, units).await?;
        match self.fault {
            Fault::TenantBlindLatest => {
                for other in everybody(inner) {
                    found.extend(inner.latest(other, units).await?);
                }
            }
            Fault::LatestOfAnything => {
                found.clear();
                for unit in units {
                    let query = ReadingQuery {
                        unit: *unit,
                        from: Timestamp::MIN,
                        to: Timestamp::MAX,
                        order: ReadingOrder::NewestFirst,
                    };
                    let page = PageRequest {
                        limit: 1,
                        after: None,
                    };
                    found.extend(ReadingStore::list(inner, org, query, page).await?.items);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn quarantined(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        limit: u16,
    ) -> Result<Vec<QuarantinedReading>, StoreError> {
        let inner = &self.inner;
        let limit = match self.fault {
            Fault::Unbounded => u16::MAX,
            _ => limit,
        };
        let mut found = inner.quarantined(org, unit, limit).await?;
        match self.fault {
            Fault::OldestFirst => found.reverse(),
            Fault::TenantBlindQuarantine => {
                for other in everybody(inner) {
                    found.extend(inner.quarantined(other, unit, limit).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }
}

#[async_trait]
impl MonitorStore for Bad {
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
        self.inner.commit(changes).await
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.inner.due(now, limit).await
    }
}

#[async_trait]
impl AlertStore for Bad {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        AlertStore::find(&self.inner, org, id).await
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        AlertStore::list(&self.inner, org, filter, page).await
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        self.inner.history(org, id, limit).await
    }
}
