//! Laws of the port [`Queue`](crate::ports::Queue) about many jobs, limits and a backend that is down.

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]
#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

use super::bench::request;
use super::queue::{enqueue_one, failure};
use super::{Bench, RATED, SHORT_MEMORY, claim, claim_all, job, job_of, queue_name};
use crate::job::Reason;
use crate::ports::{ENQUEUE_MAX, Enqueued, QueueError, Scope};
use crate::retry::Decision;
use freshtrack_core::time::Span;
use futures_util::future::join_all;
use std::time::{Duration, Instant};

/// Retention by count and age holds and never blocks a claim.
pub async fn q_11_retention_by_count_and_age_holds(bench: &dyn Bench) {
    let queue = bench.queue();
    let now = bench.clock().now();
    let jobs = (0..30)
        .map(|n| job_of(1, SHORT_MEMORY, &format!("k{n}"), now))
        .collect();
    queue.enqueue(jobs, now).await.unwrap();
    for (n, held) in claim_all(bench, SHORT_MEMORY, "w")
        .await
        .into_iter()
        .enumerate()
    {
        let now = bench.clock().now();
        if n < 15 {
            queue
                .finish(&held.lease, &Reason::done(), now)
                .await
                .unwrap();
        } else {
            let dead = Decision::Dead {
                failure: failure("e"),
            };
            queue.fail(&held.lease, &dead, now).await.unwrap();
        }
    }
    assert_eq!(kept(bench).await, (5, 7), "the newest stay");
    bench.pass(Span::from_seconds(11)).await;
    assert_eq!(
        kept(bench).await,
        (0, 7),
        "done jobs are removed at their age"
    );
    bench.pass(Span::from_seconds(11)).await;
    assert_eq!(kept(bench).await, (0, 0), "dead jobs at theirs");
}

/// Done and dead jobs kept, after promotions had their chance to remove.
async fn kept(bench: &dyn Bench) -> (u64, u64) {
    for _ in 0..40 {
        let removed = bench
            .queue()
            .promote(bench.clock().now(), 10)
            .await
            .unwrap()
            .removed;
        assert!(removed <= 20, "bounded work per call: {removed}");
    }
    let stats = bench
        .admin()
        .stats(Scope::Everything, bench.clock().now())
        .await
        .unwrap();
    let of = |stats: &crate::stats::LaneStats| (stats.done, stats.dead);
    stats
        .iter()
        .find(|s| s.queue == queue_name(SHORT_MEMORY))
        .map_or((0, 0), of)
}

/// Enqueue of many is all or none.
pub async fn q_13_an_enqueue_is_all_or_none(bench: &dyn Bench) {
    let now = bench.clock().now();
    let many = |n: usize| {
        (0..n)
            .map(|n| job(&format!("k{n}"), now))
            .collect::<Vec<_>>()
    };
    let refused = bench.queue().enqueue(many(ENQUEUE_MAX + 1), now).await;
    assert!(
        matches!(refused, Err(QueueError::LimitExceeded { .. })),
        "{refused:?}"
    );
    assert!(
        claim_all(bench, "work", "w").await.is_empty(),
        "none of them is there"
    );
    let mut jobs = many(ENQUEUE_MAX - 1);
    jobs.push(job("k0", now));
    let answers = bench.queue().enqueue(jobs, now).await.unwrap();
    assert_eq!(
        answers.len(),
        ENQUEUE_MAX,
        "an answer for each, in their order"
    );
    assert_eq!(
        answers.last().unwrap().id(),
        answers[0].id(),
        "a duplicate in one call collapses"
    );
    assert!(
        matches!(answers.last(), Some(Enqueued::Duplicate(_))),
        "{:?}",
        answers.last()
    );
    assert_eq!(
        claim_all(bench, "work", "w").await.len(),
        ENQUEUE_MAX - 1,
        "all of them are there"
    );
    assert!(
        bench
            .queue()
            .enqueue(Vec::new(), now)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Backend down: every call fails within a second as `Unavailable`; back again, it works without restart.
pub async fn q_14_an_outage_is_answered_at_once_and_survived(bench: &dyn Bench) {
    enqueue_one(bench, "before").await;
    let held = claim(bench, "work", "w", 1).await.remove(0);
    if !bench.outage(true).await {
        return super::skip("this backend cannot be down");
    }
    let (queue, now) = (bench.queue(), bench.clock().now());
    let begun = Instant::now();
    let within = Duration::from_millis(1_300);
    let enqueued = queue
        .enqueue(vec![job("during", now)], now)
        .await
        .map(|_| ());
    assert!(
        begun.elapsed() < within,
        "enqueue took {:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let finished = queue.finish(&held.lease, &Reason::done(), now).await;
    assert!(
        begun.elapsed() < within,
        "finish took {:?}",
        begun.elapsed()
    );
    for answer in [enqueued, finished] {
        assert!(
            matches!(answer, Err(QueueError::Unavailable(_))),
            "{answer:?}"
        );
    }
    assert!(bench.outage(false).await);
    for _ in 0..50 {
        let now = bench.clock().now();
        if queue.enqueue(vec![job("after", now)], now).await.is_ok() {
            queue
                .finish(&held.lease, &Reason::done(), now)
                .await
                .expect("the lease outlived it");
            assert!(!claim_all(bench, "work", "w").await.is_empty());
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still unavailable five seconds after the backend came back");
}

/// A flood of due and delayed jobs is worked off; no claim or promotion wedges on its size.
pub async fn q_16_a_flood_is_worked_off(bench: &dyn Bench) {
    let (queue, begin) = (bench.queue(), bench.clock().now());
    let second = Span::from_seconds(1);
    let flood = bench.flood();
    let mut batch = Vec::new();
    for n in 0..flood {
        // half of them due at once, half of them delayed to one instant
        let run_at = if n % 2 == 0 { begin } else { begin + second };
        batch.push(job(&format!("k{n}"), run_at));
        if batch.len() == ENQUEUE_MAX || n + 1 == flood {
            queue
                .enqueue(std::mem::take(&mut batch), begin)
                .await
                .unwrap();
        }
    }
    bench.pass(second).await;
    let mut worked_off = 0;
    while worked_off < flood {
        queue.promote(bench.clock().now(), 1_000).await.unwrap();
        let some = claim(bench, "work", "w", 100).await;
        assert!(!some.is_empty(), "stalled after {worked_off} of {flood}");
        let now = bench.clock().now();
        let reason = Reason::done();
        let done = join_all(
            some.iter()
                .map(|held| queue.finish(&held.lease, &reason, now)),
        )
        .await;
        worked_off += done.into_iter().flatten().count();
    }
}

/// A lane rate holds over several workers.
pub async fn q_17_a_lane_rate_holds_over_workers(bench: &dyn Bench) {
    let (queue, other) = (bench.queue(), bench.reopen().await.0);
    let now = bench.clock().now();
    let jobs = (0..60)
        .map(|n| job_of(1, RATED, &format!("k{n}"), now))
        .collect();
    queue.enqueue(jobs, now).await.unwrap();
    let begun = Instant::now();
    let (mut started, worker_of) = (0, [("a", queue), ("b", other)]);
    while begun.elapsed() < Duration::from_millis(2_500) {
        for (name, queue) in &worker_of {
            started += queue
                .claim(request(bench, RATED, name, 10))
                .await
                .unwrap()
                .len();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // ten a second: 25 by then, and one window more at most
    assert!(started <= 36, "{started} starts in 2.5 s at ten a second");
    assert!(
        started >= 15,
        "only {started} starts in 2.5 s: the rate is to be used too"
    );
}
