//! [`Suppressions`] in memory.

use super::rows::AlertRows;
use super::rule_store::{exists, is_below};
use super::{MemoryStore, latest_first};
use crate::ports::{RulePlace, SuppressionCursor, Suppressions};
use crate::suppression::Suppression;
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, SuppressionId};
use freshtrack_core::memory::TenantRows;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::Timestamp;

#[async_trait]
impl Suppressions for MemoryStore {
    async fn create(
        &self,
        org: OrgId,
        suppression: Suppression,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|rows, core| {
            let core = core.tenant_mut(org).ok_or(StoreError::Missing {
                what: "organization",
            })?;
            let rows = rows.of(org);
            if !exists(core, org, place_of(&suppression)) {
                return Err(StoreError::Missing { what: "scope_id" });
            }
            wake(rows, core, &suppression, suppression.created_at);
            rows.suppressions.push(suppression);
            core.append_journal(journal);
            Ok(())
        })
    }

    async fn end(
        &self,
        org: OrgId,
        id: SuppressionId,
        at: Timestamp,
        journal: Journal,
    ) -> Result<Suppression, StoreError> {
        self.with(|rows, core| {
            let missing = || StoreError::Missing {
                what: "suppression",
            };
            let core = core.tenant_mut(org).ok_or_else(missing)?;
            let rows = rows.of(org);
            let place = rows.suppressions.iter().position(|known| known.id == id);
            let place = place.ok_or_else(missing)?;
            let Some(ended) = rows.suppressions[place].ended(at) else {
                return Ok(rows.suppressions[place].clone());
            };
            wake(rows, core, &ended, at);
            rows.suppressions[place] = ended.clone();
            core.append_journal(journal);
            Ok(ended)
        })
    }

    async fn find(&self, org: OrgId, id: SuppressionId) -> Result<Option<Suppression>, StoreError> {
        let of = |known: &&Suppression| known.id == id;
        Ok(self.with(|rows, _| rows.of(org).suppressions.iter().find(of).cloned()))
    }

    async fn list(
        &self,
        org: OrgId,
        at: Option<Timestamp>,
        page: PageRequest<SuppressionCursor>,
    ) -> Result<Page<Suppression, SuppressionCursor>, StoreError> {
        let wanted =
            |known: &&Suppression| at.is_none_or(|at| known.starts_at <= at && at < known.ends());
        let found = self.with(|rows, _| {
            rows.of(org)
                .suppressions
                .iter()
                .filter(wanted)
                .cloned()
                .collect()
        });
        let key = |known: &Suppression| (known.starts_at, known.id);
        Ok(latest_first(found, &page, key))
    }
}

const fn place_of(suppression: &Suppression) -> RulePlace {
    RulePlace {
        scope: suppression.scope,
        scope_id: suppression.scope_id,
        unit_type: None,
    }
}

fn wake(rows: &mut AlertRows, core: &TenantRows, suppression: &Suppression, at: Timestamp) {
    let place = place_of(suppression);
    for unit in core.units().filter(|unit| is_below(unit, place)) {
        rows.make_due(core, unit, at);
    }
}
