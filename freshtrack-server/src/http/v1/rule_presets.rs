//! Presets: limits as the law writes them, to be adopted at a place.

use super::alert_view::LimitView;
use super::{Scale, Tags};
use crate::http::auth::SignedIn;
use crate::http::problem::{Code, Problem};
use crate::http::wire::Time;
use freshtrack_alerts::food_safety::preset::{NotEnabled, Override, Preset, Registry};
use freshtrack_alerts::rules::{LimitRule, RuleFields};
use freshtrack_core::time::Timestamp;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::{Value, json};

/// Longest text of an override, in characters.
const OVERRIDE_CHARS_MAX: usize = 200;

/// Limits and times as a text prescribes them. Immutable: a new edition is a new id.
#[derive(Debug, Object)]
#[oai(rename = "RulePreset")]
pub struct PresetView {
    /// Stable id.
    id: String,
    /// Where it binds.
    jurisdiction: String,
    /// The text.
    citation: String,
    /// Its edition.
    edition: String,
    /// Who makes a model text law.
    #[oai(skip_serializing_if_is_none)]
    adopted_by: Option<String>,
    /// What the limit is about: `product` or `air`. An air sensor is a proxy for a product.
    subject: Any<Value>,
    /// How the product is kept.
    storage_class: Any<Value>,
    /// The scale whose figure is the law.
    normative_unit: Scale,
    /// Upper limit that adopting copies; exactly as written.
    #[oai(skip_serializing_if_is_none)]
    temp_max: Option<LimitView>,
    /// Lower limit that adopting copies.
    #[oai(skip_serializing_if_is_none)]
    temp_min: Option<LimitView>,
    /// Every condition with its times, and how well its numbers are known.
    criteria: Any<Value>,
    /// Id of the tighter limit for early warning.
    #[oai(skip_serializing_if_is_none)]
    operational: Option<String>,
    /// Who checked it against which text; absent while a number is unverified.
    #[oai(skip_serializing_if_is_none)]
    checked: Option<Any<Value>>,
    /// Whether it may be adopted without an override.
    enabled: bool,
    /// SHA-256 over the record, to know it again.
    content_hash: String,
}

impl PresetView {
    fn of(preset: &Preset) -> Result<Self, Problem> {
        let limits = preset.limits();
        Ok(Self {
            id: preset.id.to_owned(),
            jurisdiction: preset.jurisdiction.to_owned(),
            citation: preset.citation.to_owned(),
            edition: preset.edition.to_owned(),
            adopted_by: preset.adopted_by.map(ToOwned::to_owned),
            subject: Any(json!(preset.subject)),
            storage_class: Any(json!(preset.storage_class)),
            normative_unit: preset.normative_unit.into(),
            temp_max: limits.max.map(Into::into),
            temp_min: limits.min.map(Into::into),
            criteria: Any(json!(preset.criteria)),
            operational: preset.operational.map(ToOwned::to_owned),
            checked: preset.checked.map(|checked| Any(json!(checked))),
            enabled: preset.enabled,
            content_hash: hash_of(preset)?,
        })
    }
}

fn hash_of(preset: &Preset) -> Result<String, Problem> {
    preset
        .content_hash()
        .map(|hash| hash.to_string())
        .map_err(|error| {
            tracing::error!(preset = preset.id, %error, "a preset has no canonical form");
            Problem::new(Code::Internal)
        })
}

/// The presets there are.
#[derive(Debug, Object)]
pub struct RulePresetList {
    /// All of them, by jurisdiction.
    items: Vec<PresetView>,
}

/// A preset to adopt: its limits are copied, and its id is kept in the history.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PresetChoice {
    /// Its id.
    id: String,
    /// Who compared its numbers with the text; needed while one of them is unverified.
    #[oai(rename = "override")]
    checked: Option<PresetOverride>,
}

/// The word of a named person.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PresetOverride {
    /// Who compared the numbers, 1–200 characters.
    checked_by: String,
    /// Which text, with edition, 1–200 characters.
    text: String,
    /// When; now if left out.
    checked_at: Option<Time>,
}

impl PresetChoice {
    /// Copies the limits into `fields`, and answers what the history says of it.
    ///
    /// # Errors
    /// 422 for an unknown preset, one that is not enabled, one without a limit, and for a limit that is
    /// given beside it.
    pub(super) fn adopt(self, fields: &mut RuleFields, now: Timestamp) -> Result<String, Problem> {
        let mut registry = Registry::shipped();
        let mut by = String::new();
        if let Some(checked) = self.checked {
            let long = |text: &str| text.chars().count() > OVERRIDE_CHARS_MAX;
            if long(&checked.checked_by) || long(&checked.text) {
                return Err(Problem::field("/preset/override", "is too long"));
            }
            by = format!(
                ", checked by {} against {}",
                checked.checked_by, checked.text
            );
            let checked = Override {
                checked_by: checked.checked_by,
                text: checked.text,
                checked_at: checked.checked_at.map_or(now, |time| time.0),
            };
            registry
                .enable(&self.id, checked)
                .map_err(|error| refused(&error))?;
        }
        let preset = registry
            .enabled(&self.id)
            .map_err(|error| refused(&error))?;
        let limits = preset.limits();
        if limits.max.is_none() && limits.min.is_none() {
            let detail = "prescribes times, not limits; it is for evaluations";
            return Err(Problem::field("/preset/id", detail));
        }
        let sides = [
            (limits.max, &mut fields.temp_max, "/fields/temp_max"),
            (limits.min, &mut fields.temp_min, "/fields/temp_min"),
        ];
        for (limit, field, pointer) in sides {
            let Some(limit) = limit else { continue };
            if field.is_some() {
                return Err(Problem::field(pointer, "is given by the preset"));
            }
            *field = Some(LimitRule::At(limit));
        }
        Ok(format!("preset {} ({}){by}", preset.id, hash_of(preset)?))
    }
}

fn refused(error: &NotEnabled) -> Problem {
    match error {
        NotEnabled::Unverified { .. } => {
            Problem::detailed(Code::PresetNotEnabled, error.to_string())
        }
        NotEnabled::IncompleteOverride => Problem::field("/preset/override", error.to_string()),
        _ => Problem::field("/preset/id", "is of no preset"),
    }
}

/// Presets.
#[derive(Debug)]
pub struct RulePresetsApi;

#[OpenApi(tag = "Tags::Rules")]
impl RulePresetsApi {
    /// Every preset, with the text it comes from and how well its numbers are known
    #[oai(
        path = "/rule-presets",
        method = "get",
        operation_id = "list_rule_presets"
    )]
    #[expect(
        clippy::unused_async,
        reason = "the framework takes async handlers only"
    )]
    async fn list_rule_presets(&self, _person: SignedIn) -> Result<Json<RulePresetList>, Problem> {
        let presets: Result<Vec<_>, _> = Registry::shipped().all().map(PresetView::of).collect();
        Ok(Json(RulePresetList { items: presets? }))
    }
}
