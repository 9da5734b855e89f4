//! One attempt of one job: from the lease to the settlement.

use super::Shared;
use super::phases::Phases;
use super::settle::{bury, settle_fail, settle_finish};
use crate::job::{Code, Job, Kind};
use crate::ports::{Claimed, Lease, Renewal};
use crate::registry::{Context, Outcome, Registered};
use crate::retry::{Class, Decision, Failed, Failure, Policy, decide, may_start};
use crate::stats::{Ended, JobEvent};
use crate::wakeups::span;
use freshtrack_core::time::Span;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// A kind or version this process does not know goes back for so long: a newer worker may come.
const UNKNOWN_PAUSE: Span = Span::from_seconds(60);

/// After so long no worker that knows the kind will come any more.
const UNKNOWN_AGE_MAX: Span = Span::from_seconds(24 * 3_600);

/// A handler whose token was cancelled gets this long to say how it ended.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Pause before asking a backend again that did not answer a renewal.
const RENEW_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn attempt(shared: &Arc<Shared>, claimed: Claimed, phases: &Phases) {
    let Claimed { lease, job } = claimed;
    shared.monitor.busy(&lease.queue, lease.lane, true);
    match job {
        Ok(job) => of_known_job(shared, &lease, job, phases).await,
        Err(invalid) => {
            tracing::warn!(job = %lease.job, queue = %lease.queue, error = %invalid, "not a job: dead, never run");
            let failure = Failure::known(Class::Permanent, "invalid_job");
            let settled = settle_fail(shared, &lease, &Decision::Dead { failure }).await;
            record(shared, &lease, None, settled, Duration::ZERO);
        }
    }
    shared.monitor.busy(&lease.queue, lease.lane, false);
}

async fn of_known_job(shared: &Arc<Shared>, lease: &Lease, job: Job, phases: &Phases) {
    let now = shared.clock.now();
    let kind = job.spec.kind().clone();
    let Some(known) = shared.registry.find(&kind, job.spec.version()).cloned() else {
        let decision = if now > job.history.first_run_at + UNKNOWN_AGE_MAX {
            Decision::Dead {
                failure: Failure::known(Class::Permanent, "unknown_kind"),
            }
        } else {
            Decision::Release {
                run_at: now + UNKNOWN_PAUSE,
            }
        };
        let settled = settle_fail(shared, lease, &decision).await;
        record(shared, lease, Some(kind), settled, Duration::ZERO);
        return;
    };
    let policy = shared.registry.policy_of(&job, &known).clone();
    let job = Arc::new(job);
    if !may_start(&policy, &job.history, now) {
        let failure = job.history.last.clone();
        let failure = failure.unwrap_or_else(|| Failure::known(Class::Transient, "horizon"));
        let settled = bury(shared, lease, &known, &job, failure).await;
        record(shared, lease, Some(kind), settled, Duration::ZERO);
        return;
    }
    shared.metrics.record(JobEvent::Started {
        queue: lease.queue.clone(),
        lane: lease.lane,
        waited: (now - job.spec.run_at()).to_duration(),
    });
    let begun = Instant::now();
    let ended = run(shared, lease, &known, &job, phases).await;
    let settled = settle(shared, lease, &known, &job, &policy, ended).await;
    record(shared, lease, Some(kind), settled, begun.elapsed());
}

/// How the handler left.
enum Left {
    With(Outcome),
    /// Aborted by the end of the drain.
    Released,
    LeaseLost,
}

/// What the supervisor of a running handler keeps in mind.
struct Watch {
    token: CancellationToken,
    deadline: Instant,
    renew_at: Instant,
    lease_end: Instant,
    lease_length: Duration,
}

async fn run(
    shared: &Arc<Shared>,
    lease: &Lease,
    known: &Registered,
    job: &Arc<Job>,
    phases: &Phases,
) -> Left {
    let limit = known.spec.time_limit;
    let length = lease.length.to_duration();
    let begun = Instant::now();
    let mut watch = Watch {
        token: CancellationToken::new(),
        deadline: begun + limit.to_duration(),
        renew_at: begun + length / 3,
        lease_end: begun + length,
        lease_length: length,
    };
    let context = Context {
        clock: Arc::clone(&shared.clock),
        token: watch.token.clone(),
        attempt: job.attempt(),
        deadline: shared.clock.now() + limit,
    };
    // A task of its own: its panic stays in it, and a handler that blocks does not stop the renewal.
    let mut handler = JoinSet::new();
    let (runs, of) = (Arc::clone(&known.handler), Arc::clone(job));
    handler.spawn(async move { runs.run(&of, context).await });
    supervise(shared, lease, &mut handler, &mut watch, phases).await
}

async fn supervise(
    shared: &Arc<Shared>,
    lease: &Lease,
    handler: &mut JoinSet<Outcome>,
    watch: &mut Watch,
    phases: &Phases,
) -> Left {
    loop {
        tokio::select! {
            ended = handler.join_next() => return Left::With(outcome_of(ended)),
            () = sleep_until(watch.renew_at) => {
                if !renewed(shared, lease, watch).await {
                    watch.token.cancel();
                    last_word(handler).await;
                    return Left::LeaseLost;
                }
            }
            () = sleep_until(watch.deadline) => {
                watch.token.cancel();
                let timeout = Outcome::Retry {
                    class: Class::Transient,
                    code: Some(Code::known("timeout")),
                    not_before: None,
                };
                return Left::With(last_word(handler).await.unwrap_or(timeout));
            }
            () = phases.cancel.cancelled(), if !watch.token.is_cancelled() => watch.token.cancel(),
            () = phases.release.cancelled() => {
                handler.shutdown().await;
                return Left::Released;
            }
        }
    }
}

/// Renews; false if the lease is lost or ran out while the backend was silent.
async fn renewed(shared: &Shared, lease: &Lease, watch: &mut Watch) -> bool {
    let asked = Instant::now();
    match shared.queue.renew(lease, shared.clock.now()).await {
        Ok(Renewal::Held) => {
            watch.renew_at = asked + watch.lease_length / 3;
            watch.lease_end = asked + watch.lease_length;
            true
        }
        Ok(Renewal::Lost) => false,
        Err(error) => {
            tracing::debug!(job = %lease.job, error = &error as &dyn std::error::Error, "renewal failed");
            watch.renew_at = Instant::now() + RENEW_AGAIN.min(watch.lease_length / 6);
            watch.renew_at < watch.lease_end
        }
    }
}

/// What a cancelled handler says within [`LAST_WORD`]; it is aborted after that.
async fn last_word(handler: &mut JoinSet<Outcome>) -> Option<Outcome> {
    if let Ok(ended) = tokio::time::timeout(LAST_WORD, handler.join_next()).await {
        return Some(outcome_of(ended));
    }
    handler.abort_all();
    None
}

fn outcome_of(ended: Option<Result<Outcome, tokio::task::JoinError>>) -> Outcome {
    match ended {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) | None => Outcome::Retry {
            class: Class::Transient,
            code: Some(Code::known("panic")),
            not_before: None,
        },
    }
}

async fn settle(
    shared: &Arc<Shared>,
    lease: &Lease,
    known: &Registered,
    job: &Arc<Job>,
    policy: &Policy,
    left: Left,
) -> Ended {
    let now = shared.clock.now();
    let outcome = match left {
        Left::With(outcome) => outcome,
        Left::LeaseLost => return Ended::LeaseLost,
        Left::Released => Outcome::Release,
    };
    match outcome {
        Outcome::Done(reason) => settle_finish(shared, lease, &reason).await,
        Outcome::Release => settle_fail(shared, lease, &Decision::Release { run_at: now }).await,
        Outcome::Dead { class, code } => {
            bury(shared, lease, known, job, Failure { class, code }).await
        }
        Outcome::Retry {
            class,
            code,
            not_before,
        } => {
            let failed = Failed {
                failure: Failure { class, code },
                not_before,
            };
            let lane = job.spec.lane();
            match decide(policy, lane, &job.history, &failed, now, shared.random()) {
                Decision::Dead { failure } => bury(shared, lease, known, job, failure).await,
                other => settle_fail(shared, lease, &other).await,
            }
        }
    }
}

fn record(shared: &Shared, lease: &Lease, kind: Option<Kind>, how: Ended, ran: Duration) {
    tracing::debug!(job = %lease.job, queue = %lease.queue, ?how, ran_us = span(ran).as_micros(), "attempt ended");
    shared.metrics.record(JobEvent::Ended {
        queue: lease.queue.clone(),
        kind,
        how,
        ran,
    });
}
