//! Bad stores of alerts.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{AlertCursor, AlertFilter, AlertStore, MonitorStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    LosesTheAuthoredUnit,
    AnswersTheFirstVersion,
    TenantBlindLookUp,
    TenantBlindHistory,
    TenantBlindList,
    OldestFirst,
    IgnoresSeverity,
    ClosesTheWindow,
    RepeatsRows,
    KeepsTheOldestLines,
    HistoryBackwards,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices LifeCycle ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { alert_store;
    an_alert_comes_back_as_it_was_written: LosesTheAuthoredUnit, "every field survives";
    a_later_version_takes_the_place_of_the_one_before: AnswersTheFirstVersion, "left == right";
    another_organizations_alerts_are_unknown: TenantBlindLookUp, "must not be found";
    another_organizations_alerts_are_unknown: TenantBlindHistory, "nor its history";
    another_organizations_alerts_are_unknown: TenantBlindList, "nor be listed";
    alerts_are_listed_newest_first: OldestFirst, "newest first";
    each_filter_restricts_and_all_must_fit: IgnoresSeverity, "by severity";
    the_window_is_half_open: ClosesTheWindow, "to is not";
    pages_visit_every_alert_once_while_alerts_are_added: RepeatsRows, "each alert once";
    history_is_oldest_first_and_keeps_the_newest_lines: KeepsTheOldestLines, "the newest lines";
    history_is_oldest_first_and_keeps_the_newest_lines: HistoryBackwards, "oldest first";
}

#[async_trait]
impl AlertStore for Bad {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let mut found = AlertStore::find(&self.inner, org, id).await?;
        match (self.fault, &mut found) {
            (Fault::LosesTheAuthoredUnit, Some(alert)) => alert.limit = None,
            (Fault::AnswersTheFirstVersion, Some(alert)) => alert.version = 1,
            (Fault::TenantBlindLookUp, None) => {
                for other in everybody(&self.inner) {
                    found = found.or(AlertStore::find(&self.inner, other, id).await?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        mut page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        let mut filter = filter.clone();
        match self.fault {
            Fault::IgnoresSeverity => filter.severity.clear(),
            Fault::ClosesTheWindow => filter.to = filter.to.map(|to| to + Span::from_micros(1)),
            Fault::RepeatsRows => page.after = None,
            _ => {}
        }
        let mut found = AlertStore::list(&self.inner, org, &filter, page.clone()).await?;
        match self.fault {
            Fault::OldestFirst => found.items.reverse(),
            Fault::TenantBlindList => {
                for other in everybody(&self.inner) {
                    let page = page.clone();
                    let theirs = AlertStore::list(&self.inner, other, &filter, page).await?;
                    found.items.extend(theirs.items);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        let mut found = self.inner.history(org, id, u16::MAX).await?;
        match self.fault {
            Fault::TenantBlindHistory => {
                for other in everybody(&self.inner) {
                    found.extend(self.inner.history(other, id, limit).await?);
                }
            }
            Fault::KeepsTheOldestLines => found.truncate(usize::from(limit)),
            Fault::HistoryBackwards => found.reverse(),
            _ => found = self.inner.history(org, id, limit).await?,
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
