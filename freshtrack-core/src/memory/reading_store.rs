//! [`ReadingStore`] in memory.

use super::MemoryStore;
use super::tenant::{TenantRows, page_of};
use crate::error::StoreError;
use crate::ids::{OrgId, UnitId};
use crate::page::{Page, PageRequest};
use crate::ports::{ReadingCursor, ReadingOrder, ReadingQuery, ReadingStore};
use crate::reading::{QuarantinedReading, Reading};
use async_trait::async_trait;
use std::cmp::Reverse;
use std::collections::BTreeSet;

#[async_trait]
impl ReadingStore for MemoryStore {
    async fn list(
        &self,
        org: OrgId,
        query: ReadingQuery,
        page: PageRequest<ReadingCursor>,
    ) -> Result<Page<Reading, ReadingCursor>, StoreError> {
        Ok(self.with(|state| {
            let window = state.tenant(org).into_iter().flat_map(|rows| {
                let readings = rows.readings.get(&query.unit).into_iter();
                readings
                    .flat_map(|readings| readings.values())
                    .filter(|reading| (query.from..query.to).contains(&reading.recorded_at))
            });
            match query.order {
                ReadingOrder::OldestFirst => page_of(window, &page, cursor),
                ReadingOrder::NewestFirst => {
                    let mut newest: Vec<&Reading> = window.collect();
                    newest.reverse();
                    let request = PageRequest {
                        limit: page.limit,
                        after: page.after.map(Reverse),
                    };
                    let page = page_of(newest.into_iter(), &request, |r| Reverse(cursor(r)));
                    Page {
                        items: page.items,
                        next: page.next.map(|Reverse(key)| key),
                    }
                }
            }
        }))
    }

    async fn latest(&self, org: OrgId, units: &[UnitId]) -> Result<Vec<Reading>, StoreError> {
        let units: BTreeSet<UnitId> = units.iter().copied().collect();
        Ok(self.with(|state| {
            let Some(rows) = state.tenant(org) else {
                return Vec::new();
            };
            units
                .into_iter()
                .filter_map(|unit| latest_of(rows, unit))
                .collect()
        }))
    }

    async fn quarantined(
        &self,
        org: OrgId,
        unit: Option<UnitId>,
        limit: u16,
    ) -> Result<Vec<QuarantinedReading>, StoreError> {
        let mut found: Vec<QuarantinedReading> = self.with(|state| {
            let rows = state.tenant(org).into_iter();
            rows.flat_map(|rows| rows.quarantined.values())
                .filter(|value| unit.is_none_or(|unit| value.unit == unit))
                .cloned()
                .collect()
        });
        found.sort_by_key(|value| Reverse((value.received_at, value.recorded_at)));
        found.truncate(usize::from(limit));
        Ok(found)
    }
}

fn cursor(reading: &Reading) -> ReadingCursor {
    (reading.recorded_at, reading.device, reading.probe)
}

fn latest_of(rows: &TenantRows, unit: UnitId) -> Option<Reading> {
    let evaluated = |reading: &&Reading| reading.zone.is_some() && reading.temperature.is_some();
    let readings = rows.readings.get(&unit)?;
    readings.values().rev().find(evaluated).cloned()
}
