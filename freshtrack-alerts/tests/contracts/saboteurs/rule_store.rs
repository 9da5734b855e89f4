//! Bad stores of rules.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{
    AlertCursor, AlertFilter, AlertStore, MonitorStore, RuleChange, RuleLine, RulePlace, RuleStore,
    RulesBelow,
};
use freshtrack_alerts::rules::{LimitRule, RuleSet};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsExplicitNone,
    TenantBlindPlaces,
    IgnoresTheType,
    LastWriterWins,
    LeavesUnitsAsleep,
    LetsOldRulesIn,
    OldestFirst,
    MixesPlaces,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices LifeCycle ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { rule_store;
    a_changed_set_comes_back_as_it_was_decided: ForgetsExplicitNone, "what was stored reads back";
    a_place_of_another_organization_does_not_exist: TenantBlindPlaces, "must not be found";
    only_units_below_are_named: IgnoresTheType, "only what is below";
    a_change_decided_by_old_rules_is_a_conflict: LastWriterWins, "expected a conflict";
    units_below_are_due_at_once_and_others_are_not: LeavesUnitsAsleep, "exactly what the rules reach";
    an_evaluation_by_the_old_rules_is_a_conflict: LetsOldRulesIn, "expected a conflict";
    history_is_newest_first_and_of_its_place_only: OldestFirst, "newest first";
    history_is_newest_first_and_of_its_place_only: MixesPlaces, "the place's own lines";
}

#[async_trait]
impl RuleStore for Bad {
    async fn rule_sets(&self, org: OrgId) -> Result<Vec<RuleSet>, StoreError> {
        let mut sets = self.inner.rule_sets(org).await?;
        for set in &mut sets {
            if self.fault == Fault::ForgetsExplicitNone
                && set.fields.temp_min == Some(LimitRule::None)
            {
                set.fields.temp_min = None;
            }
        }
        Ok(sets)
    }

    async fn below(
        &self,
        org: OrgId,
        mut place: RulePlace,
    ) -> Result<Option<RulesBelow>, StoreError> {
        if self.fault == Fault::IgnoresTheType {
            place.unit_type = None;
        }
        let mut found = self.inner.below(org, place).await?;
        if self.fault == Fault::TenantBlindPlaces {
            for other in everybody(&self.inner) {
                found = found.or(self.inner.below(other, place).await?);
            }
        }
        Ok(found)
    }

    async fn change(
        &self,
        org: OrgId,
        mut change: RuleChange,
        journal: Journal,
    ) -> Result<(), StoreError> {
        if self.fault == Fault::LastWriterWins {
            let sets = self.inner.rule_sets(org).await?;
            change.expected_revision = sets.iter().map(|set| set.version).sum();
        }
        if self.fault == Fault::LeavesUnitsAsleep {
            change.at = change.at + Span::from_seconds(1_000_000);
        }
        self.inner.change(org, change, journal).await
    }

    async fn rule_history(
        &self,
        org: OrgId,
        place: RulePlace,
        page: PageRequest<i64>,
    ) -> Result<Page<RuleLine, i64>, StoreError> {
        let mut found = self.inner.rule_history(org, place, page).await?;
        match self.fault {
            Fault::OldestFirst => found.items.reverse(),
            Fault::MixesPlaces => {
                for line in &mut found.items {
                    line.place.scope_id = org.as_uuid();
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
        let mut changes = changes.to_vec();
        if self.fault == Fault::LetsOldRulesIn {
            for change in &mut changes {
                for unit in &mut change.units {
                    let loaded = self.inner.load(change.org, &[unit.unit]).await?;
                    let contexts = loaded.map(|loaded| loaded.units).unwrap_or_default();
                    for context in contexts {
                        unit.expected_version = context.monitor_version;
                    }
                }
            }
        }
        self.inner.commit(&changes).await
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
