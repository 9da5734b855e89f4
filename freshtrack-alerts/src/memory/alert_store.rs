//! [`AlertStore`] in memory.

use super::MemoryStore;
use crate::alert::{Alert, AlertEvent};
use crate::ports::{AlertCursor, AlertFilter, AlertStore};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId};
use freshtrack_core::page::{Page, PageRequest};
use std::cmp::Reverse;

#[async_trait]
impl AlertStore for MemoryStore {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        Ok(self.with(|rows, _| rows.of(org).alerts.get(&id).cloned()))
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        let mut found: Vec<Alert> = self.with(|rows, core| {
            let core = core.tenant(org);
            let area_of = |alert: &Alert| Some(core?.unit(alert.unit)?.area_id);
            let inside =
                |alert: &&Alert| filter.area.is_none_or(|area| area_of(alert) == Some(area));
            let unseen = |alert: &&Alert| page.after.is_none_or(|after| cursor(alert) < after);
            let alerts = rows.of(org).alerts.values();
            alerts
                .filter(|alert| wanted(filter, alert))
                .filter(inside)
                .filter(unseen)
                .cloned()
                .collect()
        });
        found.sort_by_key(|alert| Reverse(cursor(alert)));
        Ok(Page::from_surplus(found, page.limit, cursor))
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        Ok(self.with(|rows, _| {
            let Some(lines) = rows.of(org).history.get(&id) else {
                return Vec::new();
            };
            let surplus = lines.len().saturating_sub(usize::from(limit));
            lines[surplus..].to_vec()
        }))
    }
}

fn cursor(alert: &Alert) -> AlertCursor {
    (alert.raised_at, alert.id)
}

fn wanted(filter: &AlertFilter, alert: &Alert) -> bool {
    fn among<T: PartialEq>(list: &[T], value: &T) -> bool {
        list.is_empty() || list.contains(value)
    }
    among(&filter.status, &alert.status)
        && among(&filter.severity, &alert.severity)
        && among(&filter.alert_type, &alert.key.alert_type)
        && filter.site.is_none_or(|site| alert.site == site)
        && filter.unit.is_none_or(|unit| alert.unit == unit)
        && filter.from.is_none_or(|from| alert.raised_at >= from)
        && filter.to.is_none_or(|to| alert.raised_at < to)
}
