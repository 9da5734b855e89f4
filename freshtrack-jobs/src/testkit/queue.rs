//! Laws of the port [`Queue`](crate::ports::Queue).

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]
#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

use super::bench::request;
use super::{Bench, claim, claim_all, id_of, job, job_of, queue_name};
use crate::job::{Code, Reason};
use crate::ports::{ClaimRequest, Enqueued, JobState, QueueError, Renewal, Scope};
use crate::retry::{CRASHES_MAX, Class, Decision, Failure};
use freshtrack_core::time::{Span, Timestamp};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(super) async fn enqueue_one(bench: &dyn Bench, key: &str) -> Enqueued {
    let now = bench.clock().now();
    let answers = bench.queue().enqueue(vec![job(key, now)], now).await;
    answers.expect("the backend answers").remove(0)
}

async fn state_of(bench: &dyn Bench, answer: &Enqueued) -> Option<JobState> {
    let now = bench.clock().now();
    let view = bench
        .admin()
        .get(Scope::Everything, &queue_name("work"), answer.id(), now)
        .await;
    view.expect("the backend answers").map(|view| view.state)
}

/// Of concurrent claimers exactly one gets a job.
pub async fn q_2_of_concurrent_claimers_one_gets_a_job(bench: &dyn Bench) {
    let now = bench.clock().now();
    let jobs = (0..200).map(|n| job(&format!("k{n}"), now)).collect();
    bench.queue().enqueue(jobs, now).await.unwrap();
    let names: Vec<_> = (0..8).map(|n| format!("w{n}")).collect();
    let taken = join_all(names.iter().map(|name| async move {
        let mut mine = Vec::new();
        loop {
            let some = claim(bench, "work", name, 7).await;
            if some.is_empty() {
                return mine;
            }
            mine.extend(some);
        }
    }))
    .await;
    let taken: Vec<_> = taken.into_iter().flatten().map(|c| id_of(&c)).collect();
    let distinct: BTreeSet<_> = taken.iter().cloned().collect();
    assert_eq!(taken.len(), 200, "every job is claimed, and none twice");
    assert_eq!(distinct.len(), 200, "every job is claimed, and none twice");
}

/// Renew, finish and fail with an old or foreign token change nothing.
pub async fn q_2_old_and_foreign_tokens_change_nothing(bench: &dyn Bench) {
    let created = enqueue_one(bench, "k").await;
    let held = claim(bench, "work", "w1", 1).await.remove(0);
    let mut foreign = held.lease.clone();
    foreign.token = "somebody-else:1".into();
    let (queue, now) = (bench.queue(), bench.clock().now());
    assert_eq!(queue.renew(&foreign, now).await.unwrap(), Renewal::Lost);
    let done = queue.finish(&foreign, &Reason::done(), now).await;
    assert!(
        matches!(done, Err(QueueError::LeaseLost)),
        "finish: {done:?}"
    );
    for decision in decisions(now) {
        let failed = queue.fail(&foreign, &decision, now).await;
        assert!(
            matches!(failed, Err(QueueError::LeaseLost)),
            "{decision:?}: {failed:?}"
        );
    }
    assert_eq!(
        state_of(bench, &created).await,
        Some(JobState::Active),
        "nothing was changed"
    );
    queue
        .finish(&held.lease, &Reason::done(), now)
        .await
        .expect("the holder still holds it");
    let again = queue.finish(&held.lease, &Reason::done(), now).await;
    assert!(
        matches!(again, Err(QueueError::LeaseLost)),
        "settled once: {again:?}"
    );
    assert_eq!(queue.renew(&held.lease, now).await.unwrap(), Renewal::Lost);
}

pub(super) fn failure(code: &str) -> Failure {
    Failure {
        class: Class::Transient,
        code: Some(Code::new(code).expect("a valid code")),
    }
}

fn decisions(now: Timestamp) -> [Decision; 3] {
    [
        Decision::Retry {
            run_at: now,
            failure: failure("e"),
        },
        Decision::Dead {
            failure: failure("e"),
        },
        Decision::Release { run_at: now },
    ]
}

/// A renewed lease holds for any length.
pub async fn q_3_a_renewed_lease_holds(bench: &dyn Bench) {
    enqueue_one(bench, "k").await;
    let held = claim(bench, "work", "w1", 1).await.remove(0);
    let third = Span::from_micros(bench.lease().as_micros() / 3);
    for _ in 0..8 {
        bench.pass(third).await;
        let now = bench.clock().now();
        assert_eq!(
            bench.queue().renew(&held.lease, now).await.unwrap(),
            Renewal::Held
        );
        bench.queue().promote(now, 100).await.unwrap();
        assert!(
            claim(bench, "work", "w2", 1).await.is_empty(),
            "the job has a holder"
        );
    }
    let now = bench.clock().now();
    bench
        .queue()
        .finish(&held.lease, &Reason::done(), now)
        .await
        .expect("held to the end");
}

/// Waits until an expired job can be claimed again: within lease + 15 s.
async fn claimed_again(bench: &dyn Bench, worker: &str) -> crate::ports::Claimed {
    bench.pass(bench.lease() + Span::from_micros(1)).await;
    let mut waited = Span::ZERO;
    loop {
        bench
            .queue()
            .promote(bench.clock().now(), 100)
            .await
            .unwrap();
        if let Some(claimed) = claim(bench, "work", worker, 1).await.pop() {
            return claimed;
        }
        assert!(
            waited < Span::from_seconds(15),
            "an expired lease returns within lease + 15 s"
        );
        let step = Span::from_micros(250_000);
        bench.pass(step).await;
        waited = waited + step;
    }
}

/// An unrenewed lease returns the job, and the late finish of its first holder is refused.
pub async fn q_3_an_unrenewed_lease_returns_the_job_and_the_late_finish_is_refused(
    bench: &dyn Bench,
) {
    enqueue_one(bench, "k").await;
    let first = claim(bench, "work", "w1", 1).await.remove(0);
    let second = claimed_again(bench, "w2").await;
    assert_eq!(id_of(&first), id_of(&second));
    assert_ne!(
        first.lease.token, second.lease.token,
        "a fresh token for every claim"
    );
    let now = bench.clock().now();
    let late = bench
        .queue()
        .finish(&first.lease, &Reason::done(), now)
        .await;
    assert!(
        matches!(late, Err(QueueError::LeaseLost)),
        "late finish: {late:?}"
    );
    assert_eq!(
        bench.queue().renew(&first.lease, now).await.unwrap(),
        Renewal::Lost
    );
    bench
        .queue()
        .finish(&second.lease, &Reason::done(), now)
        .await
        .expect("the second holds it");
}

/// The third crash under one job makes it dead `poison`.
pub async fn q_4_the_third_crash_is_poison(bench: &dyn Bench) {
    let created = enqueue_one(bench, "k").await;
    let mut claimed = claim(bench, "work", "w0", 1).await.remove(0);
    for crash in 1..CRASHES_MAX {
        claimed = claimed_again(bench, &format!("w{crash}")).await;
        let history = claimed.job.as_ref().expect("a job").history.clone();
        assert_eq!(history.crashes, crash, "crashes are counted");
        assert_eq!(history.attempts, 0, "and are no attempts");
    }
    bench.pass(bench.lease() + Span::from_micros(1)).await;
    let dead = |view: &crate::ports::JobView| view.state == JobState::Dead;
    for _ in 0..60 {
        bench
            .queue()
            .promote(bench.clock().now(), 100)
            .await
            .unwrap();
        let (admin, now) = (bench.admin(), bench.clock().now());
        let view = admin
            .get(Scope::Everything, &queue_name("work"), created.id(), now)
            .await;
        let view = view.unwrap().expect("dead letters stay");
        if dead(&view) {
            assert_eq!(view.class, Some(Class::Crashed));
            assert_eq!(view.code.as_ref().map(Code::as_str), Some("poison"));
            return;
        }
        let taken = claim(bench, "work", "w9", 1).await;
        assert!(taken.is_empty(), "poison never runs again: {taken:?}");
        bench.pass(Span::from_micros(250_000)).await;
    }
    panic!("{claimed:?} crashed three times and is not dead");
}

/// Racing enqueues with one (queue, organization, key) create one job and all get its id.
pub async fn q_5_racing_enqueues_create_one_job(bench: &dyn Bench) {
    let answers = join_all((0..16).map(|_| enqueue_one(bench, "same"))).await;
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.id().clone()).collect();
    assert_eq!(ids.len(), 1, "all get one id");
    let created = answers
        .iter()
        .filter(|a| matches!(a, Enqueued::Created(_)))
        .count();
    if bench.knows_its_creator() {
        assert_eq!(created, 1, "one of them created it");
    } else {
        assert!(created >= 1, "one of them created it");
    }
    assert_eq!(
        claim_all(bench, "work", "w").await.len(),
        1,
        "one job exists"
    );
}

/// Another organization's equal key is another job.
pub async fn q_5_the_key_of_another_organization_is_another_job(bench: &dyn Bench) {
    let now = bench.clock().now();
    let jobs = vec![job_of(1, "work", "k", now), job_of(2, "work", "k", now)];
    let answers = bench.queue().enqueue(jobs, now).await.unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Enqueued::Created(_))),
        "{answers:?}"
    );
    assert_ne!(answers[0].id(), answers[1].id());
    assert_eq!(claim_all(bench, "work", "w").await.len(), 2);
}

/// A duplicate key collapses while the job is unfinished and as long as it is kept.
pub async fn q_5_a_key_collapses_as_long_as_it_is_kept(bench: &dyn Bench) {
    let first = enqueue_one(bench, "k").await;
    let held = claim(bench, "work", "w", 1).await.remove(0);
    assert_eq!(
        enqueue_one(bench, "k").await,
        Enqueued::Duplicate(first.id().clone()),
        "running"
    );
    bench
        .queue()
        .finish(&held.lease, &Reason::done(), bench.clock().now())
        .await
        .unwrap();
    assert_eq!(
        enqueue_one(bench, "k").await,
        Enqueued::Duplicate(first.id().clone()),
        "done"
    );
    assert!(
        claim_all(bench, "work", "w").await.is_empty(),
        "and it does not run again"
    );
}

/// No job starts before `run_at`; a due one is there, the oldest first.
pub async fn q_6_no_job_starts_before_its_time(bench: &dyn Bench) {
    let now = bench.clock().now();
    let second = Span::from_seconds(1);
    let jobs = vec![
        job("late", now + second),
        job("later", now + second.times(3)),
        job("now", now),
    ];
    bench.queue().enqueue(jobs, now).await.unwrap();
    let due = claim_all(bench, "work", "w").await;
    assert_eq!(due.len(), 1, "only what is due");
    bench.pass(second).await;
    bench
        .queue()
        .promote(bench.clock().now(), 100)
        .await
        .unwrap();
    let due = claim_all(bench, "work", "w").await;
    assert_eq!(due.len(), 1, "one more came due");
    let claimed = due[0].job.as_ref().expect("a job");
    assert_eq!(claimed.spec.key().as_str(), "late");
    assert!(bench.clock().now() >= claimed.spec.run_at());
}

/// A waiting claim gets a job within a second of its being enqueued or due.
pub async fn q_6_a_waiting_claim_is_woken(bench: &dyn Bench) {
    for delay in [Span::ZERO, Span::from_micros(300_000)] {
        let wish = ClaimRequest {
            wait: Duration::from_secs(6),
            ..request(bench, "work", "w", 1)
        };
        let (queue, other) = (bench.queue(), bench.reopen().await.0);
        let enqueued = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = bench.clock().now();
            let key = format!("k{}", delay.as_micros());
            other
                .enqueue(vec![job(&key, now + delay)], now)
                .await
                .unwrap();
            Instant::now() + delay.to_duration()
        };
        let (claimed, due) = tokio::join!(
            async {
                let claimed = queue.claim(wish).await.unwrap();
                (claimed, Instant::now())
            },
            enqueued
        );
        assert_eq!(claimed.0.len(), 1, "the wait was not in vain");
        let late = claimed.1.saturating_duration_since(due);
        assert!(
            late < Duration::from_millis(1_200),
            "woken {late:?} after the job was due"
        );
    }
}

/// A due job starts also after a restart.
pub async fn q_6_a_delayed_job_starts_after_a_restart(bench: &dyn Bench) {
    let now = bench.clock().now();
    bench
        .queue()
        .enqueue(vec![job("k", now + Span::from_seconds(1))], now)
        .await
        .unwrap();
    let (queue, _) = bench.reopen().await;
    bench.pass(Span::from_seconds(1)).await;
    queue.promote(bench.clock().now(), 100).await.unwrap();
    let claimed = queue.claim(request(bench, "work", "w", 1)).await.unwrap();
    assert_eq!(claimed.len(), 1, "the delay survived the restart");
}

/// A retry is a stored `run_at`; attempts, class and code come back with the job.
pub async fn q_7_a_retry_is_stored_and_counted(bench: &dyn Bench) {
    enqueue_one(bench, "k").await;
    for attempt in 1..=3u32 {
        let held = claim(bench, "work", "w", 1).await.remove(0);
        let history = held.job.as_ref().expect("a job").history.clone();
        assert_eq!(history.attempts, attempt - 1, "counted");
        let code = format!("e{}", attempt - 1);
        let last = history.last.map(|failure| (failure.class, failure.code));
        let wanted = (attempt > 1).then(|| (Class::Transient, Some(Code::new(&code).unwrap())));
        assert_eq!(last, wanted, "class and code of the last failure");
        let now = bench.clock().now();
        let run_at = now + Span::from_seconds(1);
        let retry = Decision::Retry {
            run_at,
            failure: failure(&format!("e{attempt}")),
        };
        bench.queue().fail(&held.lease, &retry, now).await.unwrap();
        assert!(
            claim(bench, "work", "w", 1).await.is_empty(),
            "not before its time"
        );
        bench.pass(Span::from_seconds(1)).await;
        bench
            .queue()
            .promote(bench.clock().now(), 100)
            .await
            .unwrap();
    }
}

/// A released job is not counted and keeps its first `run_at`.
pub async fn q_10_a_released_job_is_not_counted(bench: &dyn Bench) {
    enqueue_one(bench, "k").await;
    let first = claim(bench, "work", "w", 1).await.remove(0);
    let now = bench.clock().now();
    bench
        .queue()
        .fail(&first.lease, &Decision::Release { run_at: now }, now)
        .await
        .unwrap();
    bench.queue().promote(now, 100).await.unwrap();
    let second = claim(bench, "work", "w", 1).await.remove(0);
    let (first, second) = (first.job.expect("a job"), second.job.expect("a job"));
    assert_eq!(second.history, first.history, "as if nothing had been");
}
