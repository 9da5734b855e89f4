//! The ports every service of the engine holds, and the one loop they share.

use crate::change::{Change, UnitContext};
use crate::evaluate::evaluate;
use crate::lifecycle::Refusal;
use crate::outage_watch::OutageWatch;
use crate::ports::MonitorStore;
use crate::step::Input;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::ports::{Clock, IdGen};
use std::sync::Arc;

/// How often a change is tried before a conflict counts as unavailability.
pub const ATTEMPTS: u32 = 5;

/// What the services need from the world.
#[derive(Clone)]
pub struct Engine {
    /// Where units live.
    pub store: Arc<dyn MonitorStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of new alerts.
    pub ids: Arc<dyn IdGen>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Why one unit was not evaluated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnitError {
    #[error("no such unit")]
    Unknown,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Evaluates one unit with an input and commits it, again if somebody else was faster.
    ///
    /// `input` sees the unit as it was loaded; `extra` adds what else belongs into the same change.
    pub(crate) async fn evaluate_unit<'i>(
        &self,
        org: OrgId,
        unit: UnitId,
        input: impl Fn(&UnitContext) -> Result<Input<'i>, Refusal> + Send + Sync,
        extra: impl Fn(&mut Change) + Send + Sync,
    ) -> Result<Change, UnitError> {
        for _ in 0..ATTEMPTS {
            let loaded = self.store.load(org, &[unit]).await?;
            let mut loaded = loaded.ok_or(UnitError::Unknown)?;
            let context = loaded.units.first_mut().ok_or(UnitError::Unknown)?;
            let mut change = Change::empty(org, self.clock.now());
            let input = input(context)?;
            {
                let mut watch = OutageWatch::new(loaded.outages, &*self.ids);
                let rule_sets = &loaded.rule_sets;
                evaluate(
                    context,
                    rule_sets,
                    input,
                    &mut change,
                    &*self.ids,
                    &mut watch,
                )?;
                watch.settle(&mut change);
            }
            extra(&mut change);
            let committed = self.store.commit(std::slice::from_ref(&change)).await?;
            match committed.into_iter().next() {
                Some(Ok(())) => return Ok(change),
                Some(Err(StoreError::Conflict)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(unanswered().into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// A store that answered fewer changes than it was given.
pub(crate) fn unanswered() -> StoreError {
    StoreError::unavailable("the store left a change unanswered")
}
