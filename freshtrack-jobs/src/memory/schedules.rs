//! [`Schedules`] in memory.

use crate::ports::{Advance, LIST_MAX, QueueError, ScheduleClaim, Schedules, WorkerId};
use crate::schedule::{Change, Schedule, ScheduleId};
use async_trait::async_trait;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Row {
    schedule: Schedule,
    fence: i64,
    held_until: Option<Timestamp>,
}

/// Schedules in this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySchedules(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<ScheduleId, Row>,
    fence: i64,
}

impl MemorySchedules {
    /// No schedules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Schedules for MemorySchedules {
    async fn list(
        &self,
        page: PageRequest<ScheduleId>,
    ) -> Result<Page<Schedule, ScheduleId>, QueueError> {
        let limit = page.limit.clamp(1, LIST_MAX);
        let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self
            .state()
            .rows
            .range((from, Bound::Unbounded))
            .take(usize::from(limit) + 1)
            .map(|(_, row)| row.schedule.clone())
            .collect();
        Ok(Page::from_surplus(rows, limit, |schedule: &Schedule| {
            schedule.spec.id.clone()
        }))
    }

    async fn apply(&self, changes: &[Change]) -> Result<(), QueueError> {
        let mut state = self.state();
        for change in changes {
            match change {
                Change::Insert(schedule) | Change::Replace(schedule) => {
                    state.fence += 1;
                    let row = Row {
                        schedule: schedule.clone(),
                        fence: state.fence,
                        held_until: None,
                    };
                    state.rows.insert(schedule.spec.id.clone(), row);
                }
                Change::Remove(id) => {
                    state.rows.remove(id);
                }
            }
        }
        Ok(())
    }

    async fn claim_due(
        &self,
        _worker: &WorkerId,
        now: Timestamp,
        hold: Span,
        limit: usize,
    ) -> Result<Vec<ScheduleClaim>, QueueError> {
        let mut state = self.state();
        let mut due: Vec<_> = state
            .rows
            .values()
            .filter(|row| row.schedule.spec.enabled && row.schedule.next_run_at <= now)
            .filter(|row| row.held_until.is_none_or(|until| until <= now))
            .map(|row| (row.schedule.next_run_at, row.schedule.spec.id.clone()))
            .collect();
        due.sort();
        due.truncate(limit);
        let mut claims = Vec::new();
        for (_, id) in due {
            state.fence += 1;
            let fence = state.fence;
            if let Some(row) = state.rows.get_mut(&id) {
                row.fence = fence;
                row.held_until = Some(now + hold);
                claims.push(ScheduleClaim {
                    schedule: row.schedule.clone(),
                    fence,
                });
            }
        }
        Ok(claims)
    }

    async fn advance(&self, claim: &ScheduleClaim, to: Advance) -> Result<(), QueueError> {
        let mut state = self.state();
        let row = state
            .rows
            .get_mut(&claim.schedule.spec.id)
            .filter(|row| row.fence == claim.fence)
            .ok_or(QueueError::LeaseLost)?;
        row.schedule.next_run_at = to.next_run_at;
        row.schedule.last_run_at = to.last_run_at.or(row.schedule.last_run_at);
        row.held_until = None;
        Ok(())
    }

    async fn set_cursor(&self, id: &ScheduleId, cursor: Timestamp) -> Result<(), QueueError> {
        if let Some(row) = self.state().rows.get_mut(id) {
            row.schedule.cursor = Some(cursor);
        }
        Ok(())
    }
}
