//! What went wrong with a call to a network, by what it means for us.

use super::rights::Right;
use crate::ids::{ApplicationId, DeviceName};
use freshtrack_core::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A call that did not do what it should. Never contains a request or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LnsFault {
    /// What to do about it.
    pub class: FaultClass,
    /// The network's own name of the error, `end_device_euis_taken`.
    pub name: Option<String>,
    /// What the network's operator finds the call by.
    pub correlation_id: Option<String>,
}

/// What a fault means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultClass {
    /// Our request, or the user's input: the same call never succeeds.
    Refused,
    /// The key is not accepted: nothing of this connection works until somebody changes it.
    Credential,
    /// The key may not do this; which rights it lacks where that is known.
    Rights {
        /// What the call needs and the key has not.
        missing: BTreeSet<Right>,
    },
    /// What was asked for is not there.
    Absent,
    /// Somebody has these ids.
    Conflict(Conflict),
    /// Too many calls.
    RateLimited {
        /// How long to wait.
        retry_after: Span,
    },
    /// Nobody knows whether it was done: a timeout, a broken connection, a fault of the network.
    OutcomeUnknown,
}

/// Who has the ids we want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Conflict {
    /// A record without an identity: very likely what an earlier run of ours left behind.
    Leftover,
    /// A device, under whatever name, of an application; ours or somebody's.
    Device {
        /// The application, if the network said.
        application: Option<ApplicationId>,
        /// Its id there, if the network said.
        device: Option<DeviceName>,
    },
    /// A device of another customer of the network.
    OtherTenant,
}

impl LnsFault {
    /// A fault that no answer came with.
    #[must_use]
    pub const fn of(class: FaultClass) -> Self {
        Self {
            class,
            name: None,
            correlation_id: None,
        }
    }
}

impl fmt::Display for LnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.class {
            FaultClass::Refused => "the network refused the request",
            FaultClass::Credential => "the network does not accept the key",
            FaultClass::Rights { .. } => "the key lacks rights",
            FaultClass::Absent => "the network does not have it",
            FaultClass::Conflict(_) => "the ids are taken",
            FaultClass::RateLimited { .. } => "the network asks to wait",
            FaultClass::OutcomeUnknown => "the outcome is unknown",
        };
        f.write_str(what)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        Ok(())
    }
}

impl std::error::Error for LnsFault {}
