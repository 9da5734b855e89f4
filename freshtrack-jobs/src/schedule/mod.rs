//! Schedules: when recurring work is due, as pure functions of zone, cadence and instant.
//!
//! A schedule is a row in the store and is *derived*: [`reconcile()`] computes the difference between
//! the wanted set and the stored one. [`firing`] decides which instants of a due row become jobs.

mod cadence;
mod misfire;
mod reconcile;

pub use cadence::{Cadence, InvalidSchedule, Zone};
pub use misfire::{Firing, MISFIRES_MAX, Misfire, firing};
pub use reconcile::{Change, reconcile};

use crate::job::{InvalidName, Kind, Lane, Payload, QueueName, Tenant};
use freshtrack_core::time::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Name of a schedule, unique over all tenants: `digest-daily/<user>/<organization>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId(Arc<str>);

impl ScheduleId {
    /// Checks the rule: 1 to 96 printable ASCII characters, so that id and instant fit a job's key.
    ///
    /// # Errors
    /// If the text breaks it.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if (1..=96).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName {
                what: "schedule",
                rule: "1 to 96 printable ASCII characters",
            })
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScheduleId({})", self.0)
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a schedule says: everything code or settings decide, nothing that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// Its name.
    pub id: ScheduleId,
    /// Whose work it makes.
    pub tenant: Tenant,
    /// Queue of the jobs.
    pub queue: QueueName,
    /// Kind of the jobs.
    pub kind: Kind,
    /// Version of their payload.
    pub version: u16,
    /// Their lane.
    pub lane: Lane,
    /// Their payload; the firing adds the member `scheduled_at`.
    pub payload: Payload,
    /// How often.
    pub cadence: Cadence,
    /// In which zone cron is read.
    pub zone: Zone,
    /// What happens to instants that passed while nobody worked.
    pub misfire: Misfire,
    /// Whether it fires at all.
    pub enabled: bool,
}

/// A stored schedule: what it says, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What it says.
    pub spec: ScheduleSpec,
    /// The next instant it fires.
    pub next_run_at: Timestamp,
    /// The last instant it fired for.
    pub last_run_at: Option<Timestamp>,
    /// How far its work came; written by the work, carried here for it.
    pub cursor: Option<Timestamp>,
}

impl Schedule {
    /// A new schedule whose first firing is the first instant after `now`.
    ///
    /// # Errors
    /// If the cadence never fires again.
    pub fn starting(spec: ScheduleSpec, now: Timestamp) -> Result<Self, InvalidSchedule> {
        let next_run_at = spec.cadence.next_after(&spec.zone, now)?;
        Ok(Self {
            spec,
            next_run_at,
            last_run_at: None,
            cursor: None,
        })
    }
}
