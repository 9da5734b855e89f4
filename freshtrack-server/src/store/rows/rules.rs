//! History of rules.

use crate::store::column::{At, from_json, parse};
use freshtrack_alerts::ports::{RuleLine, RulePlace};
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::UnitType;
use sqlx::FromRow;

/// A row of `rule_history` of a known place.
#[derive(FromRow)]
pub(crate) struct RuleLineRow {
    pub(crate) key: i64,
    at: At,
    actor: String,
    unit_type: String,
    field: String,
    old_value: Option<String>,
    new_value: Option<String>,
    note: Option<String>,
}

impl RuleLineRow {
    pub(crate) fn into_line(self, place: RulePlace) -> Result<RuleLine, StoreError> {
        let value = |text: Option<String>| {
            text.map(|text| from_json("rule_history", "value", &text))
                .transpose()
        };
        Ok(RuleLine {
            at: self.at.0,
            actor: from_json("rule_history", "actor", &self.actor)?,
            place: RulePlace {
                unit_type: match self.unit_type.as_str() {
                    "" => None,
                    name => Some(parse("rule_history", "unit_type", name)?),
                },
                ..place
            },
            field: self.field,
            old: value(self.old_value)?,
            new: value(self.new_value)?,
            note: self.note,
        })
    }
}

/// The column of a type that may be any.
pub(crate) fn type_or_any(unit_type: Option<UnitType>) -> &'static str {
    unit_type.map_or("", UnitType::as_str)
}
