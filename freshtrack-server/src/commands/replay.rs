//! `freshtrack replay`: a recorded series through the same step as live, on the recorded clock.

use crate::cli::{Failure, Replay as Flags, parse_time};
use crate::recorded_series::{self, Columns, Series};
use anyhow::Context;
use freshtrack_alerts::cascade::{EffectiveRules, resolve};
use freshtrack_alerts::replay::{Replay, Transition};
use freshtrack_alerts::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use freshtrack_alerts::step::{Facts, Observation};
use freshtrack_core::decimal::{Milli, parse_milli};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitDetails, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::temperature::{Boundary, Limit, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use serde_json::{Value, json};
use std::process::ExitCode;
use uuid::Uuid;

/// Bad rows that are named one by one; all are counted.
const BAD_ROWS_NAMED: usize = 100;

/// Prints one JSON line per transition and a last one with the summary.
///
/// # Errors
/// Exit 2 for a wrong flag, exit 1 if the file cannot be read. Bad rows are counted, never fatal.
pub fn run(flags: &Flags) -> Result<ExitCode, Failure> {
    let unit_type: UnitType = super::word("--unit-type", &flags.unit_type)?;
    let scale = match flags.unit.as_str() {
        "C" => TemperatureUnit::C,
        "F" => TemperatureUnit::F,
        other => {
            return Err(Failure::Usage(format!(
                "`--unit` is `{other}`, but it must be C or F"
            )));
        }
    };
    let series = recorded_series::read(
        &flags.csv,
        &Columns {
            time: &flags.time_column,
            temperature: &flags.temperature_column,
            unit: scale,
            delimiter: delimiter(&flags.delimiter)?,
        },
    )
    .with_context(|| format!("reading {}", flags.csv.display()))?;
    let stretch = flags
        .resample
        .as_deref()
        .map(|text| parse_time("--resample", text))
        .transpose()?;
    let points = match stretch {
        Some(stretch) => recorded_series::resample(&series.points, stretch),
        None => series.points.clone(),
    };
    let mut fields = rule_fields(flags, scale)?;
    if fields.check_in_interval_seconds.is_none() {
        fields.check_in_interval_seconds = recorded_series::usual_interval(&points);
    }
    let unit = recorded_unit(unit_type, points.first().map_or(Timestamp::EPOCH, |p| p.0));
    let rules = rules_of(&unit, fields);
    let interval = rules.check_in_interval();
    let facts = Facts {
        unit: &unit,
        site_name: "recorded",
        site_timezone: "UTC",
        corrective_action_required: false,
        devices: &[],
    };
    let mut replay = Replay::new(facts, rules);
    for (at, temperature) in &points {
        print_all(&replay.push(Observation::temperature(*at, *temperature)));
    }
    print_line(&json!({ "summary": summary(&replay, &series, interval) }));
    Ok(ExitCode::SUCCESS)
}

fn delimiter(text: &str) -> Result<u8, Failure> {
    let text = if text == "\\t" { "\t" } else { text };
    match text.as_bytes() {
        [one] => Ok(*one),
        _ => Err(Failure::Usage(format!(
            "`--delimiter` is `{text}`, but it must be one character"
        ))),
    }
}

fn rule_fields(flags: &Flags, scale: TemperatureUnit) -> Result<RuleFields, Failure> {
    let mut fields = match &flags.rules {
        None => RuleFields::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            let wrong = |why: &dyn std::fmt::Display| {
                Failure::Usage(format!("`--rules` {}: {why}", path.display()))
            };
            known_rules(&text).map_err(|error| wrong(&error))?
        }
    };
    if let Some(text) = &flags.max {
        fields.temp_max = Some(limit("--max", text, scale)?);
    }
    if let Some(text) = &flags.min {
        fields.temp_min = Some(limit("--min", text, scale)?);
    }
    Ok(fields)
}

/// Reads rule fields. A stored rule set may hold fields of a later version; a file that a person wrote
/// may not, since a rule with a slip in its name would change nothing and say nothing.
fn known_rules(text: &str) -> anyhow::Result<RuleFields> {
    let given: serde_json::Map<String, Value> = serde_json::from_str(text)?;
    let fields: RuleFields = serde_json::from_str(text)?;
    let known = serde_json::to_value(&fields)?;
    let unknown = given
        .iter()
        .find(|(name, value)| !value.is_null() && known.get(name.as_str()).is_none());
    match unknown {
        None => Ok(fields),
        Some((name, _)) => Err(anyhow::anyhow!("there is no rule `{name}`")),
    }
}

fn limit(flag: &str, text: &str, unit: TemperatureUnit) -> Result<LimitRule, Failure> {
    match (text, parse_milli(text)) {
        ("none", _) => Ok(LimitRule::None),
        (_, Milli::Value(milli)) => Ok(LimitRule::At(Limit {
            milli,
            unit,
            boundary: Boundary::Safe,
        })),
        _ => Err(Failure::Usage(format!(
            "`{flag}` is `{text}`, but it must be a number or none"
        ))),
    }
}

fn recorded_unit(unit_type: UnitType, since: Timestamp) -> Unit {
    Unit {
        id: UnitId::from_uuid(Uuid::nil()),
        site_id: SiteId::from_uuid(Uuid::nil()),
        area_id: AreaId::from_uuid(Uuid::nil()),
        name: "recorded unit".to_owned(),
        unit_type,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: since,
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: since,
        updated_at: since,
        version: 1,
        archived: None,
    }
}

fn rules_of(unit: &Unit, fields: RuleFields) -> EffectiveRules {
    let own = RuleSet {
        scope: RuleScope::Unit,
        scope_id: unit.id.as_uuid(),
        unit_type: None,
        fields,
        version: 1,
    };
    resolve(&[own], OrgId::from_uuid(Uuid::nil()), unit, &[]).0
}

fn print_all(transitions: &[Transition]) {
    for transition in transitions {
        print_line(&json!({
            "at": transition.at,
            "kind": transition.kind,
            "alert_type": transition.alert_type,
            "severity": transition.severity,
            "value_c": transition.value.map(|t| t.in_unit(TemperatureUnit::C)),
        }));
    }
}

fn summary(replay: &Replay<'_>, series: &Series, interval: Span) -> Value {
    let summary = replay.summary();
    let celsius = |t: Option<freshtrack_core::temperature::Temperature>| {
        t.map(|t| t.in_unit(TemperatureUnit::C))
    };
    let named: Vec<Value> = series
        .bad
        .iter()
        .take(BAD_ROWS_NAMED)
        .map(|bad| json!({ "line": bad.line, "reason": bad.reason }))
        .collect();
    json!({
        "readings": summary.readings,
        "first": summary.first,
        "last": summary.last,
        "lowest_c": celsius(summary.lowest),
        "highest_c": celsius(summary.highest),
        "excursions": summary.excursions,
        "alarms": summary.alarms,
        "alarms_per_day": summary.alarms_per_day_centi().map(hundredths),
        "seconds_out_of_range": summary.out_of_range.as_seconds(),
        "gaps": summary.gaps,
        "seconds_unobserved": summary.unobserved.as_seconds(),
        "check_in_interval_seconds": interval.as_seconds(),
        "rows": series.rows,
        "rows_out_of_order": series.out_of_order,
        "rows_with_equal_time": series.equal_time,
        "times_without_offset_read_as_utc": series.without_offset,
        "bad_rows": series.bad.len(),
        "bad_rows_named": named,
    })
}

fn hundredths(centi: u64) -> f64 {
    u32::try_from(centi).map_or(f64::INFINITY, f64::from) / 100.0
}

#[expect(clippy::print_stdout, reason = "the lines are the output")]
fn print_line(line: &Value) {
    println!("{line}");
}
