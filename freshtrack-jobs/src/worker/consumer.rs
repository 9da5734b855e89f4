//! One loop per lane: takes as many jobs as it has free slots, and never more.

use super::attempt::attempt;
use super::phases::Phases;
use super::settle::settle_fail;
use super::{BEAT_EVERY, LaneSlots, Shared, WorkerError};
use crate::ports::{CLAIM_MAX, ClaimRequest, Claimed};
use crate::retry::Decision;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// Pause after a claim that found the backend down.
const DOWN_PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn consume(
    shared: Arc<Shared>,
    lane: LaneSlots,
    phases: Phases,
    attempts: TaskTracker,
) -> Result<(), WorkerError> {
    let name = format!("{}/{}", lane.queue, lane.lane.as_str());
    let slots = Arc::new(Semaphore::new(lane.slots));
    while !phases.stop.is_cancelled() {
        shared.monitor.beats().beat(&name, shared.clock.now());
        let Some(mut permits) = free_permits(&slots, &phases).await else {
            continue;
        };
        let request = ClaimRequest {
            queue: lane.queue.clone(),
            lane: lane.lane,
            worker: shared.config.worker.clone(),
            max: permits.len(),
            lease: shared.config.lease,
            now: shared.clock.now(),
            wait: BEAT_EVERY,
            stop: phases.stop.clone(),
        };
        match shared.queue.claim(request).await {
            Ok(claimed) => {
                for job in claimed {
                    start(&shared, &phases, &attempts, job, permits.pop()).await;
                }
            }
            Err(error) if error.is_transient() => {
                tracing::debug!(queue = %lane.queue, error = &error as &dyn std::error::Error, "claim failed");
                tokio::select! {
                    () = tokio::time::sleep(DOWN_PAUSE) => {}
                    () = phases.stop.cancelled() => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    shared.monitor.beats().retire(&name);
    Ok(())
}

/// Every free slot, at least one; none if it is time for a beat or to stop.
async fn free_permits(
    slots: &Arc<Semaphore>,
    phases: &Phases,
) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = tokio::select! {
        permit = Arc::clone(slots).acquire_owned() => permit.ok()?,
        () = tokio::time::sleep(BEAT_EVERY) => return None,
        () = phases.stop.cancelled() => return None,
    };
    let mut permits = vec![first];
    while permits.len() < CLAIM_MAX
        && let Ok(permit) = Arc::clone(slots).try_acquire_owned()
    {
        permits.push(permit);
    }
    Some(permits)
}

async fn start(
    shared: &Arc<Shared>,
    phases: &Phases,
    attempts: &TaskTracker,
    claimed: Claimed,
    permit: Option<OwnedSemaphorePermit>,
) {
    if phases.stop.is_cancelled() {
        // The claim was under way when the stop came: give the job back, uncounted.
        let back = Decision::Release {
            run_at: shared.clock.now(),
        };
        settle_fail(shared, &claimed.lease, &back).await;
        return;
    }
    let (shared, phases) = (Arc::clone(shared), phases.clone());
    attempts.spawn(async move {
        attempt(&shared, claimed, &phases).await;
        drop(permit);
    });
}
