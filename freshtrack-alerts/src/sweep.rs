//! The sweeper: evaluates units whose time has come though nothing arrived.

use crate::change::{Change, Loaded};
use crate::engine::{Engine, unanswered};
use crate::evaluate::evaluate;
use crate::outage_watch::OutageWatch;
use crate::step::Input;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::time::Timestamp;

/// Most units of one round.
pub const SWEEP_UNITS_MAX: u16 = 500;

/// Evaluates due units. Several may sweep one store: a unit's version decides whose evaluation counts.
#[derive(Debug, Clone)]
pub struct Sweeper {
    engine: Engine,
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Units that were due.
    pub due: usize,
    /// Evaluated and committed.
    pub evaluated: usize,
    /// Somebody else was faster; left for the next round.
    pub conflicts: usize,
    /// Not committed for another reason, which is in the log.
    pub failed: usize,
}

impl SweepReport {
    /// Whether more units may be due than one round takes.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.due >= SWEEP_UNITS_MAX as usize
    }
}

impl Sweeper {
    /// A sweeper over these ports.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// One round: every unit due now, at most [`SWEEP_UNITS_MAX`], in one write.
    ///
    /// # Errors
    /// The store did not answer; nothing was changed.
    pub async fn sweep(&self) -> Result<SweepReport, StoreError> {
        let now = self.engine.clock.now();
        let mut due = self.engine.store.due(now, SWEEP_UNITS_MAX).await?;
        due.sort_unstable();
        let mut report = SweepReport {
            due: due.len(),
            ..SweepReport::default()
        };
        let mut changes: Vec<Change> = Vec::with_capacity(due.len());
        for of_org in due.chunk_by(|a, b| a.0 == b.0) {
            let (org, units) = (of_org[0].0, of_org.iter().map(|(_, unit)| *unit));
            self.evaluate(org, units.collect(), now, &mut changes, &mut report)
                .await?;
        }
        if changes.is_empty() {
            return Ok(report);
        }
        let mut committed = self.engine.store.commit(&changes).await?.into_iter();
        for change in &changes {
            match committed.next().unwrap_or_else(|| Err(unanswered())) {
                Ok(()) => report.evaluated += 1,
                Err(StoreError::Conflict) => report.conflicts += 1,
                Err(error) => {
                    report.failed += 1;
                    tracing::error!(org = %change.org, %error, "a due unit was not committed");
                }
            }
        }
        Ok(report)
    }

    async fn evaluate(
        &self,
        org: OrgId,
        units: Vec<UnitId>,
        now: Timestamp,
        changes: &mut Vec<Change>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let Some(loaded) = self.engine.store.load(org, &units).await? else {
            report.failed += units.len();
            tracing::error!(%org, "units of an unknown organization are due");
            return Ok(());
        };
        let Loaded {
            units: contexts,
            rule_sets,
            outages,
            ..
        } = loaded;
        let ids = &*self.engine.ids;
        let mut watch = OutageWatch::new(outages, ids);
        if contexts.len() < units.len() {
            report.failed += units.len() - contexts.len();
            tracing::error!(%org, "units are due that do not load");
        }
        for mut context in contexts {
            // one change per unit, so that a conflict concerns nobody else
            let mut change = Change::empty(org, now);
            let input = Input::Tick;
            let ticked = evaluate(
                &mut context,
                &rule_sets,
                input,
                &mut change,
                ids,
                &mut watch,
            );
            if let Err(refusal) = ticked {
                report.failed += 1;
                tracing::error!(%refusal, unit = %context.unit.id, "a tick was refused");
                continue;
            }
            // incidents follow one another from change to change: after a conflict the rest is repeated
            watch.settle(&mut change);
            changes.push(change);
        }
        Ok(())
    }
}
