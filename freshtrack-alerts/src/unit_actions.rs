//! What happens to a unit beside readings and time: logs, rules, devices, suppressions.

use crate::change::Change;
use crate::engine::{Engine, UnitError};
use crate::step::Input;
use crate::suppression::Window;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::time::Timestamp;

/// Something that a unit must be evaluated for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitInput {
    /// A person measured.
    ManualLog {
        /// When.
        recorded_at: Timestamp,
    },
    /// Rules changed. A store may also make the unit due at once: a step notices changed rules by
    /// itself.
    RulesChanged,
    /// Devices were assigned, changed, taken away or calibrated; or the unit itself was changed,
    /// archived or brought back, which a step notices by itself.
    DevicesChanged,
    /// The suppressions that reach this unit are now these.
    SuppressionsChanged(Vec<Window>),
}

/// Evaluates units for what people do to them.
#[derive(Debug, Clone)]
pub struct UnitActions {
    engine: Engine,
}

/// Why a unit was not evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitActionError {
    /// No such unit in this organization.
    #[error("no such unit")]
    NotFound,
    /// The store did not answer; nothing was changed.
    #[error("the store did not answer")]
    Unavailable(#[source] StoreError),
}

impl UnitActions {
    /// Actions over these ports.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Evaluates the unit for `input` and answers its displayed status afterwards. `journal` is written
    /// with the change.
    ///
    /// # Errors
    /// Why not.
    pub async fn apply(
        &self,
        org: OrgId,
        unit: UnitId,
        input: &UnitInput,
        journal: &Journal,
    ) -> Result<UnitStatus, UnitActionError> {
        let extra = |change: &mut Change| {
            change.journal.audit.extend(journal.audit.iter().cloned());
            change.journal.outbox.extend(journal.outbox.iter().cloned());
        };
        let evaluated = self
            .engine
            .evaluate_unit(org, unit, |_| Ok(as_step_input(input)), extra)
            .await;
        match evaluated {
            Ok(change) => Ok(change
                .units
                .first()
                .map_or(UnitStatus::Ok, |changed| changed.status)),
            Err(UnitError::Unknown) => Err(UnitActionError::NotFound),
            Err(UnitError::Refused(refusal)) => {
                // only wishes about alerts are refused, and this is none
                Err(UnitActionError::Unavailable(StoreError::unavailable(
                    refusal,
                )))
            }
            Err(UnitError::Store(error)) => Err(UnitActionError::Unavailable(error)),
        }
    }
}

fn as_step_input(input: &UnitInput) -> Input<'static> {
    match input {
        UnitInput::ManualLog { recorded_at } => Input::ManualLog {
            recorded_at: *recorded_at,
        },
        UnitInput::RulesChanged => Input::RulesChanged,
        UnitInput::DevicesChanged => Input::DevicesChanged,
        UnitInput::SuppressionsChanged(windows) => Input::SuppressionsChanged(windows.clone()),
    }
}
