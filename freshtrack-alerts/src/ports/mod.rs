//! Ports of the alert engine.

mod alert_store;
mod incident_store;
mod monitor_store;
mod rule_store;

pub use alert_store::{AlertCursor, AlertFilter, AlertStore};
pub use incident_store::{IncidentCursor, IncidentFilter, IncidentStore};
pub use monitor_store::{BATCH_MAX, MonitorStore};
pub use rule_store::{RuleChange, RuleLine, RulePlace, RuleStore, RulesBelow};
