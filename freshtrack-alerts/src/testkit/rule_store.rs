//! Laws of [`RuleStore`](crate::ports::RuleStore).

use super::sample::{evaluation, further_unit};
use super::{RuleStores, assert_conflict, commit, fail, must_commit};
use crate::ports::{RuleChange, RuleLine, RulePlace, RulesBelow};
use crate::rule_edit::{Author, Edit, decide};
use crate::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use freshtrack_core::audit::Journal;
use freshtrack_core::hierarchy::UnitType;
use freshtrack_core::ids::UnitId;
use freshtrack_core::page::PageRequest;
use freshtrack_core::principal::Actor;
use freshtrack_core::temperature::Limit;
use freshtrack_core::testkit::assert_journals;
use freshtrack_core::testkit::sample::{Tenant, at, journal};
use uuid::Uuid;

/// Runs every law of [`RuleStore`](crate::ports::RuleStore) on what `$fresh` makes.
#[macro_export]
macro_rules! rule_store_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { rule_store, $fresh;
            a_changed_set_comes_back_as_it_was_decided
            a_place_of_another_organization_does_not_exist
            only_units_below_are_named
            a_change_decided_by_old_rules_is_a_conflict
            units_below_are_due_at_once_and_others_are_not
            an_evaluation_by_the_old_rules_is_a_conflict
            history_is_newest_first_and_of_its_place_only
        }
    };
}

const fn place(scope: RuleScope, scope_id: Uuid) -> RulePlace {
    RulePlace {
        scope,
        scope_id,
        unit_type: None,
    }
}

async fn below(store: &dyn RuleStores, tenant: &Tenant, place: RulePlace) -> RulesBelow {
    let below = store.rules().below(tenant.org, place).await;
    below
        .unwrap_or_else(fail)
        .unwrap_or_else(|| panic!("{place:?} must exist"))
}

/// A change by the owner, decided by what is stored.
async fn decided(
    store: &dyn RuleStores,
    tenant: &Tenant,
    place: RulePlace,
    fields: RuleFields,
    seconds: i64,
) -> RuleChange {
    let author = Author {
        actor: Actor::User(tenant.owner.id),
        at: at(seconds),
        note: Some("too many pages"),
    };
    let below = below(store, tenant, place).await;
    let decision = decide(&below, tenant.org, place, &Edit::Set(fields), author);
    match decision {
        Ok(Some(change)) => change,
        other => panic!("a change must be decided, got {other:?}"),
    }
}

fn restore(readings: u32) -> RuleFields {
    RuleFields {
        restore_readings: Some(readings),
        ..RuleFields::default()
    }
}

async fn sets(store: &dyn RuleStores, tenant: &Tenant) -> Vec<RuleSet> {
    let sets = store.rules().rule_sets(tenant.org).await;
    sets.unwrap_or_else(fail)
}

/// Limits as authored, the type, the version; the evaluation is handed the same.
pub async fn a_changed_set_comes_back_as_it_was_decided(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let place = RulePlace {
        unit_type: Some(UnitType::Freezer),
        ..place(RuleScope::Site, tenant.site.as_uuid())
    };
    let mut fields = restore(3);
    fields.temp_max = Some(LimitRule::At(Limit::fahrenheit(5_500)));
    fields.temp_min = Some(LimitRule::None);
    for (seconds, count) in [(5, 3), (6, 4)] {
        fields.restore_readings = Some(count);
        let change = decided(store, &tenant, place, fields.clone(), seconds).await;
        let wanted = vec![change.set.clone()];
        let changed = store.rules().change(tenant.org, change, journal("rules"));
        changed.await.unwrap_or_else(fail);
        assert_eq!(
            sets(store, &tenant).await,
            wanted,
            "what was stored reads back"
        );
        let loaded = store.monitors().load(tenant.org, &[]).await;
        let loaded = loaded.unwrap_or_else(fail).map(|loaded| loaded.rule_sets);
        assert_eq!(loaded, Some(wanted), "and evaluations are handed the same");
    }
    assert_journals(store, tenant.org, 2).await;
}

/// Neither known nor to be listed.
pub async fn a_place_of_another_organization_does_not_exist(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    for place in [
        place(RuleScope::Organization, other.org.as_uuid()),
        place(RuleScope::Site, other.site.as_uuid()),
        place(RuleScope::Area, other.area.as_uuid()),
        place(RuleScope::Unit, other.unit.as_uuid()),
        place(RuleScope::Unit, tenant.site.as_uuid()),
    ] {
        let found = store.rules().below(tenant.org, place).await;
        let found = found.unwrap_or_else(fail);
        assert_eq!(found, None, "{place:?} must not be found");
    }
    let own = place(RuleScope::Unit, other.unit.as_uuid());
    let change = decided(store, &other, own, restore(4), 5).await;
    let changed = store.rules().change(other.org, change, Journal::default());
    changed.await.unwrap_or_else(fail);
    assert_eq!(
        sets(store, &tenant).await,
        [],
        "another's rules must not be found"
    );
}

/// By scope and by type, with their devices.
pub async fn only_units_below_are_named(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let further = further_unit(store.others(), &tenant, "Fridge 2").await;
    let device = super::sample::device(store.others(), &tenant, "Probe").await;
    let both = [tenant.unit, further];
    let type_of = |below: &RulesBelow| below.units.first().map(|(unit, _)| unit.unit_type);
    let organization = place(RuleScope::Organization, tenant.org.as_uuid());
    let all = below(store, &tenant, organization).await;
    let other_type = match type_of(&all) {
        Some(UnitType::Fridge) => UnitType::Freezer,
        _ => UnitType::Fridge,
    };
    let typed = |unit_type| RulePlace {
        unit_type,
        ..organization
    };
    for (place, wanted) in [
        (organization, &both[..]),
        (place(RuleScope::Site, tenant.site.as_uuid()), &both[..]),
        (place(RuleScope::Area, tenant.area.as_uuid()), &both[..]),
        (place(RuleScope::Unit, further.as_uuid()), &both[1..]),
        (typed(type_of(&all)), &both[..]),
        (typed(Some(other_type)), &[]),
    ] {
        let below = below(store, &tenant, place).await;
        let units: Vec<UnitId> = below.units.iter().map(|(unit, _)| unit.id).collect();
        assert_eq!(units, wanted, "only what is below {place:?}");
    }
    let devices = &all.units[0].1;
    let devices: Vec<_> = devices.iter().map(|device| device.id).collect();
    assert_eq!(devices, [device], "with the devices of the unit");
}

/// Any other change in between, also at another place.
pub async fn a_change_decided_by_old_rules_is_a_conflict(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let unit = place(RuleScope::Unit, tenant.unit.as_uuid());
    let site = place(RuleScope::Site, tenant.site.as_uuid());
    let late = decided(store, &tenant, unit, restore(3), 5).await;
    let first = decided(store, &tenant, site, restore(4), 6).await;
    let wanted = vec![first.set.clone()];
    let changed = store.rules().change(tenant.org, first, journal("rules"));
    changed.await.unwrap_or_else(fail);
    let refused = store.rules().change(tenant.org, late, journal("late"));
    assert_conflict(refused.await);
    assert_eq!(
        sets(store, &tenant).await,
        wanted,
        "a refused change changes nothing"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// The sweeper finds exactly the units the rules reach.
pub async fn units_below_are_due_at_once_and_others_are_not(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let further = further_unit(store.others(), &tenant, "Fridge 2").await;
    for unit in [tenant.unit, further] {
        let label = format!("evaluated {unit}");
        let others = store.others();
        let change = evaluation(others, tenant.org, unit, Some(at(9_000)), &label).await;
        must_commit(others, change).await;
    }
    let place = place(RuleScope::Unit, further.as_uuid());
    let change = decided(store, &tenant, place, restore(3), 500).await;
    let changed = store.rules().change(tenant.org, change, Journal::default());
    changed.await.unwrap_or_else(fail);
    let due = store.monitors().due(at(499), 10).await.unwrap_or_else(fail);
    assert_eq!(due, [], "not before the change");
    let due = store.monitors().due(at(500), 10).await.unwrap_or_else(fail);
    assert_eq!(
        due,
        [(tenant.org, further)],
        "exactly what the rules reach is due"
    );
}

/// Loaded before the change, committed after it: that would lose the deadline.
pub async fn an_evaluation_by_the_old_rules_is_a_conflict(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let others = store.others();
    let late = evaluation(others, tenant.org, tenant.unit, Some(at(9_000)), "late").await;
    let place = place(RuleScope::Organization, tenant.org.as_uuid());
    let change = decided(store, &tenant, place, restore(3), 500).await;
    let changed = store.rules().change(tenant.org, change, Journal::default());
    changed.await.unwrap_or_else(fail);
    assert_conflict(commit(others, late).await);
}

/// Every field's line with both values, page by page.
pub async fn history_is_newest_first_and_of_its_place_only(store: &dyn RuleStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let unit = place(RuleScope::Unit, tenant.unit.as_uuid());
    let site = place(RuleScope::Site, tenant.site.as_uuid());
    let mut wanted: Vec<RuleLine> = Vec::new();
    for (place, readings, seconds) in [(unit, 3, 5), (site, 7, 6), (unit, 4, 7), (unit, 5, 8)] {
        let change = decided(store, &tenant, place, restore(readings), seconds).await;
        if place == unit {
            wanted.extend(change.lines.iter().cloned());
        }
        let changed = store.rules().change(tenant.org, change, Journal::default());
        changed.await.unwrap_or_else(fail);
    }
    wanted.reverse();
    let mut found = Vec::new();
    let mut page = PageRequest {
        limit: 2,
        after: None,
    };
    loop {
        let answer = store.rules().rule_history(tenant.org, unit, page).await;
        let answer = answer.unwrap_or_else(fail);
        found.extend(answer.items);
        let Some(next) = answer.next else { break };
        page = PageRequest {
            limit: 2,
            after: Some(next),
        };
    }
    assert_eq!(found, wanted, "the place's own lines, newest first");
    let first = PageRequest {
        limit: 10,
        after: None,
    };
    let foreign = store.rules().rule_history(other.org, unit, first).await;
    assert_eq!(
        foreign.unwrap_or_else(fail).items,
        [],
        "nobody else's lines"
    );
}
