//! The monitoring engine on its own: one fridge, one warm afternoon, no server and no database.

use anyhow::Result;
use freshtrack_alerts::cascade::EffectiveRules;
use freshtrack_alerts::replay::{Replay, Transition};
use freshtrack_alerts::step::{Facts, Observation};
use freshtrack_core::hierarchy::{MonitoringMode, Unit, UnitDetails, UnitStatus, UnitType};
use freshtrack_core::ids::{AreaId, SiteId, UnitId};
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

/// Minutes after noon and °C; nothing arrives between 13:10 and 14:00.
const AFTERNOON: [(i64, &str); 8] = [
    (0, "3.5"),
    (5, "4.8"),
    (10, "7.2"),
    (60, "7.9"),
    (65, "6.1"),
    (70, "4.4"),
    (120, "3.9"),
    (125, "3.6"),
];

fn main() -> Result<()> {
    let noon: Timestamp = "2026-03-02T12:00:00-05:00".parse()?;
    let unit = Unit {
        id: UnitId::from_uuid(Uuid::from_u128(3)),
        site_id: SiteId::from_uuid(Uuid::from_u128(1)),
        area_id: AreaId::from_uuid(Uuid::from_u128(2)),
        name: "Fridge 1".to_owned(),
        unit_type: UnitType::Fridge,
        monitoring_mode: MonitoringMode::Sensor,
        monitoring_started_at: noon,
        status: UnitStatus::Ok,
        details: UnitDetails::default(),
        created_at: noon,
        updated_at: noon,
        version: 1,
        archived: None,
    };
    let facts = Facts {
        unit: &unit,
        site_name: "Main Street",
        site_timezone: "America/New_York",
        corrective_action_required: false,
        devices: &[],
    };
    let mut replay = Replay::new(facts, EffectiveRules::built_in(unit.unit_type));
    for (minute, value) in AFTERNOON {
        let at = noon + Span::from_minutes(minute);
        let value = Temperature::parse(value, TemperatureUnit::C)?;
        print(&replay.push(Observation::temperature(at, value)));
    }
    print(&replay.pass_until(noon + Span::from_minutes(180)));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(transitions: &[Transition]) {
    for t in transitions {
        println!(
            "{}  {:<22} {:<14} {}",
            t.at,
            t.alert_type.as_str(),
            t.kind.as_str(),
            t.severity
        );
    }
}
