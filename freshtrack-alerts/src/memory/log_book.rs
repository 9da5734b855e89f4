//! [`LogBook`] in memory.

use super::{MemoryStore, latest_first};
use crate::log_book::{CorrectiveAction, ManualLog};
use crate::ports::{ActionCursor, ActionFilter, LogBook, LogCursor, LogFilter};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{CorrectiveActionId, ManualLogId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl LogBook for MemoryStore {
    async fn find_log(&self, org: OrgId, id: ManualLogId) -> Result<Option<ManualLog>, StoreError> {
        let of = |log: &&ManualLog| log.id == id;
        Ok(self.with(|rows, _| rows.of(org).manual_logs.iter().find(of).cloned()))
    }

    async fn find_log_by_ref(
        &self,
        org: OrgId,
        client_ref: &str,
    ) -> Result<Option<ManualLog>, StoreError> {
        let of = |log: &&ManualLog| log.client_ref.as_deref() == Some(client_ref);
        Ok(self.with(|rows, _| rows.of(org).manual_logs.iter().find(of).cloned()))
    }

    async fn logs(
        &self,
        org: OrgId,
        filter: &LogFilter,
        page: PageRequest<LogCursor>,
    ) -> Result<Page<ManualLog, LogCursor>, StoreError> {
        let found = self.with(|rows, core| {
            let core = core.tenant(org);
            let site_of = |log: &ManualLog| Some(core?.unit(log.unit)?.site_id);
            let wanted = |log: &&ManualLog| {
                filter.site.is_none_or(|site| site_of(log) == Some(site))
                    && filter.unit.is_none_or(|unit| log.unit == unit)
                    && filter.in_range.is_none_or(|inside| log.in_range == inside)
                    && within(log.recorded_at, filter.from, filter.to)
            };
            rows.of(org)
                .manual_logs
                .iter()
                .filter(wanted)
                .cloned()
                .collect()
        });
        Ok(latest_first(found, &page, |log: &ManualLog| {
            (log.recorded_at, log.id)
        }))
    }

    async fn find_action(
        &self,
        org: OrgId,
        id: CorrectiveActionId,
    ) -> Result<Option<CorrectiveAction>, StoreError> {
        let of = |action: &&CorrectiveAction| action.id == id;
        Ok(self.with(|rows, _| rows.of(org).actions.iter().find(of).cloned()))
    }

    async fn actions(
        &self,
        org: OrgId,
        filter: &ActionFilter,
        page: PageRequest<ActionCursor>,
    ) -> Result<Page<CorrectiveAction, ActionCursor>, StoreError> {
        let wanted = |action: &&CorrectiveAction| {
            filter.unit.is_none_or(|unit| action.unit == unit)
                && filter.alert.is_none_or(|alert| action.alert == Some(alert))
                && filter
                    .manual_log
                    .is_none_or(|log| action.manual_log == Some(log))
                && within(action.recorded_at, filter.from, filter.to)
        };
        let found = self.with(|rows, _| {
            rows.of(org)
                .actions
                .iter()
                .filter(wanted)
                .cloned()
                .collect()
        });
        let key = |action: &CorrectiveAction| (action.recorded_at, action.id);
        Ok(latest_first(found, &page, key))
    }
}

fn within(at: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
}
