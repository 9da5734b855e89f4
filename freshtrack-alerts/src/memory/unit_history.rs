//! [`UnitHistory`] in memory.

use super::{MemoryStore, latest_first};
use crate::change::{DoorEvent, StateChange};
use crate::ports::{HistoryCursor, UnitHistory};
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl UnitHistory for MemoryStore {
    async fn door_events(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<DoorEvent, HistoryCursor>, StoreError> {
        let rows = self.with(|rows, _| rows.of(org).door_events.clone());
        let of_unit = |row: &DoorEvent| (row.unit == unit).then_some(row.recorded_at);
        Ok(numbered(rows, of_unit, window, &page))
    }

    async fn state_changes(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<StateChange, HistoryCursor>, StoreError> {
        let rows = self.with(|rows, _| rows.of(org).state_changes.clone());
        let of_unit = |row: &StateChange| (row.unit == unit).then_some(row.at);
        Ok(numbered(rows, of_unit, window, &page))
    }
}

/// A page of the rows that `instant` gives an instant in the window.
fn numbered<T>(
    rows: Vec<T>,
    instant: impl Fn(&T) -> Option<Timestamp>,
    (from, to): (Timestamp, Timestamp),
    page: &PageRequest<HistoryCursor>,
) -> Page<T, HistoryCursor> {
    let within = |row: T, number: i64| {
        let at = instant(&row).filter(|at| (from..to).contains(at))?;
        Some(((at, number), row))
    };
    let found = rows
        .into_iter()
        .zip(1..)
        .filter_map(|(row, n)| within(row, n))
        .collect();
    let found = latest_first(found, page, |(key, _): &(HistoryCursor, T)| *key);
    Page {
        items: found.items.into_iter().map(|(_, row)| row).collect(),
        next: found.next,
    }
}
