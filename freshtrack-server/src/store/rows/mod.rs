//! Rows as both databases answer them, and the values they stand for.

mod alert;
pub(crate) mod codes;
mod device;
mod journal;
mod lns;
mod people;
mod place;
mod reading;
mod record;
mod rules;
mod unit_context;

pub(crate) use alert::{AlertEventRow, AlertRow, OutagesRow};
pub(crate) use device::DeviceRow;
pub(crate) use journal::{AuditRow, OutboxRow};
pub(crate) use lns::{ConnectionRow, PendingRow, QuarantinedEventRow, identity, rotated};
pub(crate) use people::{ApiKeyRow, MemberRow, MembershipRow, OwnOrganizationRow, UserRow};
pub(crate) use place::{AreaRow, OrganizationRow, SiteRow, StampColumns, UnitRow, unit_display};
pub(crate) use reading::{QuarantinedRow, ReadingRow, StoredRow};
pub(crate) use record::{BodyRow, DoorRow, StateRow};
pub(crate) use rules::{RuleLineRow, type_or_any};
pub(crate) use unit_context::{ContextRow, RuleSetRow};
