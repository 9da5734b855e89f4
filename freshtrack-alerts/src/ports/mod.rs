//! Ports of the alert engine.

mod alert_store;
mod calibrations;
mod incident_store;
mod log_book;
mod monitor_store;
mod rule_store;
mod suppressions;
mod unit_history;

pub use alert_store::{AlertCursor, AlertFilter, AlertStore};
pub use calibrations::{CalibrationCursor, Calibrations};
pub use incident_store::{IncidentCursor, IncidentFilter, IncidentStore};
pub use log_book::{ActionCursor, ActionFilter, LogBook, LogCursor, LogFilter};
pub use monitor_store::{BATCH_MAX, MonitorStore};
pub use rule_store::{RuleChange, RuleLine, RulePlace, RuleStore, RulesBelow};
pub use suppressions::{ACTIVE_MAX, SuppressionCursor, Suppressions};
pub use unit_history::{HistoryCursor, UnitHistory};
