//! Writing down how an attempt ended, however often the backend has to be asked.

use super::Shared;
use crate::job::{Job, Reason};
use crate::ports::{Lease, QueueError};
use crate::registry::Registered;
use crate::retry::{Decision, Failure};
use crate::stats::Ended;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Pause before settling again with a backend that was down.
const AGAIN: Duration = Duration::from_millis(200);

/// The handler's own burial may take this long, a provider call's limit.
const BURIAL_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn settle_finish(shared: &Shared, lease: &Lease, reason: &Reason) -> Ended {
    repeated(lease, Ended::Done, || {
        shared.queue.finish(lease, reason, shared.clock.now())
    })
    .await
}

pub(super) async fn settle_fail(shared: &Shared, lease: &Lease, decision: &Decision) -> Ended {
    let how = match decision {
        Decision::Retry { failure, .. } => Ended::Retried(failure.class),
        Decision::Dead { failure } => Ended::Dead(failure.class),
        Decision::Release { .. } => Ended::Released,
    };
    repeated(lease, how, || {
        shared.queue.fail(lease, decision, shared.clock.now())
    })
    .await
}

/// Tells the handler that its job is dead, then moves it: what it stands for never stays pending.
pub(super) async fn bury(
    shared: &Shared,
    lease: &Lease,
    known: &Registered,
    job: &Arc<Job>,
    failure: Failure,
) -> Ended {
    let mut burial = tokio::task::JoinSet::new();
    let (handler, of, why) = (Arc::clone(&known.handler), Arc::clone(job), failure.clone());
    burial.spawn(async move { handler.died(&of, &why).await });
    match tokio::time::timeout(BURIAL_LIMIT, burial.join_next()).await {
        Ok(Some(Ok(()))) => {}
        Ok(_) | Err(_) => {
            tracing::error!(job = %job.id, kind = %job.spec.kind(), "handler did not take the death of its job");
        }
    }
    tracing::warn!(
        job = %job.id,
        kind = %job.spec.kind(),
        class = failure.class.as_str(),
        code = failure.code.as_ref().map_or("", |code| code.as_str()),
        trace = job.spec.trace().map_or("", |trace| trace.as_str()),
        "job is dead"
    );
    settle_fail(shared, lease, &Decision::Dead { failure }).await
}

/// Repeats while the backend is down and the lease may still hold.
async fn repeated<F, Fut>(lease: &Lease, how: Ended, call: F) -> Ended
where
    F: Fn() -> Fut + Send,
    Fut: Future<Output = Result<(), QueueError>> + Send,
{
    let give_up = Instant::now() + lease.length.to_duration();
    loop {
        match call().await {
            Ok(()) => return how,
            Err(QueueError::LeaseLost) => return Ended::LeaseLost,
            Err(error) if error.is_transient() && Instant::now() + AGAIN < give_up => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => {
                tracing::error!(job = %lease.job, error = &error as &dyn std::error::Error, "attempt could not be settled");
                return Ended::LeaseLost;
            }
        }
    }
}
