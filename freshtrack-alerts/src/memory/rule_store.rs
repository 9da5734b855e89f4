//! [`RuleStore`] in memory.

use super::MemoryStore;
use crate::ports::{RuleChange, RuleLine, RulePlace, RuleStore, RulesBelow};
use crate::rule_edit::place_of;
use crate::rules::{RuleScope, RuleSet};
use async_trait::async_trait;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::Unit;
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::memory::TenantRows;
use freshtrack_core::page::{Page, PageRequest};

#[async_trait]
impl RuleStore for MemoryStore {
    async fn rule_sets(&self, org: OrgId) -> Result<Vec<RuleSet>, StoreError> {
        Ok(self.with(|rows, _| rows.of(org).rule_sets.clone()))
    }

    async fn below(&self, org: OrgId, place: RulePlace) -> Result<Option<RulesBelow>, StoreError> {
        Ok(self.with(|rows, core| {
            let core = core.tenant(org).filter(|core| exists(core, org, place))?;
            let units = core.units().filter(|unit| is_below(unit, place));
            Some(RulesBelow {
                rule_sets: rows.of(org).rule_sets.clone(),
                units: units
                    .map(|unit| (unit.clone(), core.devices_of(unit.id).cloned().collect()))
                    .collect(),
            })
        }))
    }

    async fn change(
        &self,
        org: OrgId,
        change: RuleChange,
        journal: Journal,
    ) -> Result<(), StoreError> {
        self.with(|rows, core| {
            let core = core.tenant_mut(org).ok_or(StoreError::Missing {
                what: "organization",
            })?;
            let rows = rows.of(org);
            let revision: i64 = rows.rule_sets.iter().map(|set| set.version).sum();
            if revision != change.expected_revision {
                return Err(StoreError::Conflict);
            }
            let place = place_of(&change.set);
            rows.rule_sets.retain(|set| place_of(set) != place);
            rows.rule_sets.push(change.set);
            rows.rule_lines.extend(change.lines);
            for unit in core.units().filter(|unit| is_below(unit, place)) {
                rows.make_due(core, unit, change.at);
            }
            core.append_journal(journal);
            Ok(())
        })
    }

    async fn rule_history(
        &self,
        org: OrgId,
        place: RulePlace,
        page: PageRequest<i64>,
    ) -> Result<Page<RuleLine, i64>, StoreError> {
        let lines: Vec<(i64, RuleLine)> = self.with(|rows, _| {
            (1..)
                .zip(rows.of(org).rule_lines.iter().cloned())
                .filter(|(_, line)| line.place.scope == place.scope)
                .filter(|(_, line)| line.place.scope_id == place.scope_id)
                .filter(|(_, line)| {
                    place.unit_type.is_none() || line.place.unit_type == place.unit_type
                })
                .collect()
        });
        let surplus = lines
            .into_iter()
            .rev()
            .filter(|(key, _)| page.after.is_none_or(|after| *key < after))
            .take(usize::from(page.limit) + 1)
            .collect();
        let page = Page::from_surplus(surplus, page.limit, |(key, _): &(i64, RuleLine)| *key);
        Ok(Page {
            items: page.items.into_iter().map(|(_, line)| line).collect(),
            next: page.next,
        })
    }
}

pub(super) fn exists(core: &TenantRows, org: OrgId, place: RulePlace) -> bool {
    match place.scope {
        RuleScope::Organization => place.scope_id == org.as_uuid(),
        RuleScope::Site => core.site(SiteId::from_uuid(place.scope_id)).is_some(),
        RuleScope::Area => core.area(AreaId::from_uuid(place.scope_id)).is_some(),
        RuleScope::Unit => core.unit(UnitId::from_uuid(place.scope_id)).is_some(),
    }
}

/// Whether rules at a place of this organization reach one of its units.
pub(super) fn is_below(unit: &Unit, place: RulePlace) -> bool {
    let inside = match place.scope {
        RuleScope::Organization => true,
        RuleScope::Site => unit.site_id.as_uuid() == place.scope_id,
        RuleScope::Area => unit.area_id.as_uuid() == place.scope_id,
        RuleScope::Unit => unit.id.as_uuid() == place.scope_id,
    };
    inside && place.unit_type.is_none_or(|own| own == unit.unit_type)
}
