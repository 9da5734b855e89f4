//! Rules: inheritance, provenance, and what is refused.

use crate::fixture::{device, device_id, unit};
use freshtrack_alerts::cascade::{EffectiveRules, RuleLevel, resolve};
use freshtrack_alerts::rule_check::{RuleError, check_effect, check_fields, is_consistent};
use freshtrack_alerts::rules::{LimitRule, RuleFields, RulePack, RuleScope, RuleSet};
use freshtrack_core::hierarchy::{Unit, UnitType};
use freshtrack_core::ids::OrgId;
use freshtrack_core::temperature::{Limit, Temperature, TemperatureDelta};
use uuid::Uuid;

const ORG: OrgId = OrgId::from_uuid(Uuid::from_u128(0x0));

fn set(scope: RuleScope, unit_type: Option<UnitType>, fields: RuleFields) -> RuleSet {
    let unit = unit();
    RuleSet {
        scope,
        scope_id: match scope {
            RuleScope::Unit => unit.id.as_uuid(),
            RuleScope::Area => unit.area_id.as_uuid(),
            RuleScope::Site => unit.site_id.as_uuid(),
            RuleScope::Organization => ORG.as_uuid(),
        },
        unit_type,
        fields,
        version: 1,
    }
}

fn confirm(seconds: u32) -> RuleFields {
    RuleFields {
        confirm_closed_seconds: Some(seconds),
        ..RuleFields::default()
    }
}

fn max(limit: Limit) -> RuleFields {
    RuleFields {
        temp_max: Some(LimitRule::At(limit)),
        ..RuleFields::default()
    }
}

fn confirmed_by(sets: &[RuleSet]) -> (u32, RuleLevel) {
    let (rules, sources) = resolve(sets, ORG, &unit(), &[]);
    (
        rules.confirm_closed_seconds,
        sources.confirm_closed_seconds.level,
    )
}

#[test]
fn a_65_the_nearest_scope_that_says_something_wins() {
    let organization = set(RuleScope::Organization, None, confirm(900));
    let area = set(RuleScope::Area, None, confirm(300));
    assert_eq!(
        confirmed_by(&[organization.clone(), area]),
        (300, RuleLevel::Area)
    );
    let cleared = set(RuleScope::Area, None, RuleFields::default());
    assert_eq!(
        confirmed_by(&[organization, cleared]),
        (900, RuleLevel::Organization)
    );
    assert_eq!(confirmed_by(&[]), (600, RuleLevel::Default));
}

#[test]
fn a_66_l_25_limits_of_one_unit_type_reach_no_other() {
    let fridges = set(
        RuleScope::Organization,
        Some(UnitType::Fridge),
        max(Limit::fahrenheit(38_000)),
    );
    let freezer = Unit {
        unit_type: UnitType::Freezer,
        ..unit()
    };
    let (rules, sources) = resolve(std::slice::from_ref(&fridges), ORG, &freezer, &[]);
    assert_eq!(rules.temp_max, Some(Limit::fahrenheit(0)));
    assert_eq!(sources.temp_max.level, RuleLevel::Default);
    let (rules, sources) = resolve(&[fridges], ORG, &unit(), &[]);
    assert_eq!(
        rules.temp_max,
        Some(Limit::fahrenheit(38_000)),
        "l_21: as written"
    );
    assert_eq!(sources.temp_max.unit_type, Some(UnitType::Fridge));
    for scope in [RuleScope::Organization, RuleScope::Site, RuleScope::Area] {
        let refused = check_fields(scope, None, &max(Limit::fahrenheit(41_000)));
        assert_eq!(
            refused,
            Err(RuleError::UnitTypeRequired { field: "temp_max" })
        );
    }
    assert_eq!(
        check_fields(RuleScope::Unit, None, &max(Limit::fahrenheit(41_000))),
        Ok(())
    );
}

#[test]
fn every_scope_stands_before_the_next_wider_and_its_type_before_its_general_one() {
    let order = [
        (RuleScope::Unit, None),
        (RuleScope::Area, Some(UnitType::Fridge)),
        (RuleScope::Area, None),
        (RuleScope::Site, Some(UnitType::Fridge)),
        (RuleScope::Site, None),
        (RuleScope::Organization, Some(UnitType::Fridge)),
        (RuleScope::Organization, None),
    ];
    let mut sets: Vec<RuleSet> = (100..)
        .zip(order)
        .map(|(seconds, (scope, unit_type))| set(scope, unit_type, confirm(seconds)))
        .collect();
    sets.push(set(
        RuleScope::Organization,
        Some(UnitType::Freezer),
        confirm(1),
    ));
    for nearest in 100..107 {
        assert_eq!(confirmed_by(&sets).0, nearest);
        sets.remove(0);
    }
    assert_eq!(confirmed_by(&sets).0, 600);
}

#[test]
fn l_45_one_field_set_leaves_every_other_inherited() {
    let sets = [set(RuleScope::Unit, None, confirm(300))];
    let (rules, sources) = resolve(&sets, ORG, &unit(), &[]);
    let built_in = EffectiveRules::built_in(UnitType::Fridge);
    let others = EffectiveRules {
        confirm_closed_seconds: 300,
        version: rules.version,
        ..built_in
    };
    assert_eq!(rules, others);
    assert_eq!(sources.hysteresis.level, RuleLevel::Default);
    assert_eq!(sources.confirm_closed_seconds.version, 1);
}

#[test]
fn no_limit_is_a_value_and_a_primary_device_names_its_own_interval() {
    let none = RuleFields {
        temp_min: Some(LimitRule::None),
        ..RuleFields::default()
    };
    let mut probe = device(device_id());
    probe.uplink_interval_seconds = Some(1_200);
    let sets = [set(RuleScope::Unit, None, none)];
    let (rules, sources) = resolve(&sets, ORG, &unit(), &[probe.clone()]);
    assert_eq!(rules.temp_min, None);
    assert_eq!(rules.check_in_interval_seconds, 1_200);
    assert_eq!(sources.check_in_interval_seconds.level, RuleLevel::Device);
    probe.is_primary = false;
    let (rules, _) = resolve(&sets, ORG, &unit(), &[probe]);
    assert_eq!(rules.check_in_interval_seconds, 300);
}

#[test]
fn fields_outside_their_range_are_refused_by_name() {
    let refused = |fields: RuleFields| match check_fields(RuleScope::Unit, None, &fields) {
        Err(RuleError::OutOfRange { field, .. }) => field,
        other => panic!("expected a refusal, got {other:?}"),
    };
    assert_eq!(refused(confirm(59)), "confirm_closed_seconds");
    assert_eq!(refused(confirm(7_201)), "confirm_closed_seconds");
    assert_eq!(check_fields(RuleScope::Unit, None, &confirm(60)), Ok(()));
    assert_eq!(refused(max(Limit::celsius(150_001))), "temp_max");
    let restore = RuleFields {
        restore_readings: Some(0),
        ..RuleFields::default()
    };
    assert_eq!(refused(restore), "restore_readings");
    let hysteresis = RuleFields {
        hysteresis: Some(TemperatureDelta::from_milli_celsius(-1)),
        ..RuleFields::default()
    };
    assert_eq!(refused(hysteresis), "hysteresis");
}

#[test]
fn a_change_that_contradicts_itself_somewhere_names_the_units() {
    let low = set(
        RuleScope::Site,
        Some(UnitType::Fridge),
        max(Limit::celsius(-5_000)),
    );
    let own = unit();
    let freezer = Unit {
        id: Uuid::from_u128(9).into(),
        unit_type: UnitType::Freezer,
        ..unit()
    };
    let units = [(&own, &[][..]), (&freezer, &[][..])];
    let refused = check_effect(&[low], ORG, units);
    assert_eq!(
        refused,
        Err(RuleError::Inconsistent {
            units: vec![own.id]
        })
    );
    assert_eq!(check_effect(&[], ORG, units), Ok(()));
    let mut rules = EffectiveRules::built_in(UnitType::Fridge);
    rules.confirm_open_seconds = rules.confirm_closed_seconds - 1;
    assert!(!is_consistent(&rules));
}

#[test]
fn every_built_in_is_consistent_and_has_a_way_back() {
    for unit_type in UnitType::ALL {
        assert!(
            is_consistent(&EffectiveRules::built_in(*unit_type)),
            "{unit_type}"
        );
    }
}

#[test]
fn the_rule_pack_follows_the_type_and_the_cascade_and_its_fields_are_bounded() {
    for unit_type in UnitType::ALL {
        let built_in = EffectiveRules::built_in(*unit_type);
        let freezes = matches!(unit_type, UnitType::Freezer | UnitType::WalkInFreezer);
        assert_eq!(built_in.defrost_params().is_some(), freezes, "{unit_type}");
    }
    let chosen = RuleFields {
        rule_pack: Some(RulePack::DefrostAware),
        defrost_grace_seconds: Some(3_600),
        ..RuleFields::default()
    };
    let sets = [set(RuleScope::Site, None, chosen)];
    let (rules, sources) = resolve(&sets, ORG, &unit(), &[]);
    let params = rules.defrost_params().unwrap();
    assert_eq!(params.grace.as_seconds(), 3_600);
    assert_eq!(params.cadence, rules.check_in_interval());
    assert_eq!(sources.rule_pack.level, RuleLevel::Site);
    assert_eq!(sources.defrost_ceiling.level, RuleLevel::Default);
    let refused = |change: fn(&mut RuleFields)| {
        let mut fields = RuleFields::default();
        change(&mut fields);
        check_fields(RuleScope::Unit, None, &fields).is_err()
    };
    assert!(refused(|f| f.defrost_grace_seconds = Some(7_201)));
    assert!(refused(|f| f.defrost_on_delay_seconds = Some(299)));
    assert!(refused(|f| f.defrost_rise_milli_per_minute = Some(49)));
    assert!(refused(|f| f.defrost_rise_max_seconds = Some(5_401)));
    assert!(refused(|f| f.defrost_recovery_seconds = Some(599)));
    assert!(refused(|f| f.defrost_grace_budget = Some(13)));
    assert!(refused(
        |f| f.defrost_recovery = Some(TemperatureDelta::ZERO)
    ));
    assert!(refused(|f| {
        f.defrost_ceiling = Some(Temperature::from_milli_celsius(30_001));
    }));
    assert!(!refused(|f| f.defrost_grace_budget = Some(12)));
    let mut rules = EffectiveRules::built_in(UnitType::Freezer);
    rules.defrost_ceiling = Temperature::from_milli_celsius(-20_000);
    assert!(!is_consistent(&rules), "a ceiling below the limit");
    let mut rules = EffectiveRules::built_in(UnitType::Freezer);
    rules.defrost_on_delay_seconds = rules.defrost_grace_seconds;
    assert!(!is_consistent(&rules), "a grace that is none");
}
