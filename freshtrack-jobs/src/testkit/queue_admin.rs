//! Laws of the port [`QueueAdmin`](crate::ports::QueueAdmin).

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]
#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

use super::bench::request;
use super::{Bench, claim, claim_all, id_of, job_of, org, queue_name};
use crate::job::{Code, JobId, Kind, Lane, Reason};
use crate::ports::{Claimed, JobFilter, JobState, Removal, Scope, Selection};
use crate::retry::{Class, Decision, Failure};
use freshtrack_core::page::PageRequest;
use freshtrack_core::time::Span;
use std::collections::BTreeSet;

const MINE: u8 = 1;
const THEIRS: u8 = 2;

async fn enqueue(bench: &dyn Bench, org: u8, keys: impl Iterator<Item = String>) -> Vec<JobId> {
    let now = bench.clock().now();
    let jobs = keys.map(|key| job_of(org, "work", &key, now)).collect();
    let answers = bench
        .queue()
        .enqueue(jobs, now)
        .await
        .expect("the backend answers");
    answers
        .into_iter()
        .map(|answer| answer.id().clone())
        .collect()
}

async fn kill(bench: &dyn Bench, held: &Claimed, class: Class, code: &str) {
    let failure = Failure {
        class,
        code: Some(Code::new(code).expect("a valid code")),
    };
    let now = bench.clock().now();
    let dead = Decision::Dead { failure };
    bench
        .queue()
        .fail(&held.lease, &dead, now)
        .await
        .expect("the lease holds");
}

fn one(key: &str) -> impl Iterator<Item = String> {
    std::iter::once(key.to_owned())
}

/// Dead letters stay until retention, are requeued with id and key, and run again.
pub async fn q_9_dead_letters_stay_and_run_again(bench: &dyn Bench) {
    let ids = enqueue(bench, MINE, (0..4).map(|n| format!("k{n}"))).await;
    for (n, held) in claim_all(bench, "work", "w").await.iter().enumerate() {
        let class = if n < 2 {
            Class::Permanent
        } else {
            Class::Account
        };
        kill(bench, held, class, "40310").await;
    }
    let (admin, queue, now) = (bench.admin(), queue_name("work"), bench.clock().now());
    let everything = Scope::Everything;
    let view = admin
        .get(everything, &queue, &ids[0], now)
        .await
        .unwrap()
        .expect("it stays");
    assert_eq!((view.state, view.attempts), (JobState::Dead, 1));
    assert_eq!(view.code.as_ref().map(Code::as_str), Some("40310"));
    assert!(
        claim_all(bench, "work", "w").await.is_empty(),
        "dead jobs do not run"
    );

    let some = Selection::Matching {
        kind: None,
        class: Some(Class::Account),
        limit: 10,
    };
    assert_eq!(
        admin.requeue(everything, &queue, &some, now).await.unwrap(),
        2
    );
    let bounded = Selection::Matching {
        kind: Some(Kind::new("test:run").unwrap()),
        class: None,
        limit: 1,
    };
    assert_eq!(
        admin
            .requeue(everything, &queue, &bounded, now)
            .await
            .unwrap(),
        1,
        "bounded"
    );
    let again = claim_all(bench, "work", "w").await;
    assert_eq!(again.len(), 3);
    for held in &again {
        let job = held.job.as_ref().expect("a job");
        assert!(ids.contains(&job.id), "the id stays");
        assert_eq!(
            (job.history.attempts, job.history.crashes),
            (0, 0),
            "attempts start anew"
        );
        assert!(
            job.history.first_run_at >= now - Span::from_seconds(1),
            "and so does the horizon"
        );
    }
    let left = Selection::One(
        ids.iter()
            .find(|id| again.iter().all(|h| id_of(h) != **id))
            .unwrap()
            .clone(),
    );
    assert_eq!(
        admin.requeue(everything, &queue, &left, now).await.unwrap(),
        1
    );
    assert_eq!(
        admin.requeue(everything, &queue, &left, now).await.unwrap(),
        0,
        "no longer dead"
    );
    let too_many = Selection::Matching {
        kind: None,
        class: None,
        limit: 1_001,
    };
    assert!(
        admin
            .requeue(everything, &queue, &too_many, now)
            .await
            .is_err(),
        "bounded"
    );
}

/// An organization-scoped look, requeue or removal never touches another's.
pub async fn q_12_an_organization_sees_and_moves_its_own_jobs_only(bench: &dyn Bench) {
    let theirs = enqueue(bench, THEIRS, one("dead")).await.remove(0);
    let held = claim_all(bench, "work", "w").await;
    kill(bench, &held[0], Class::Permanent, "e").await;
    let waiting = enqueue(bench, THEIRS, one("waiting")).await.remove(0);
    let (admin, queue, now) = (bench.admin(), queue_name("work"), bench.clock().now());
    let mine = Scope::Organization(org(MINE));
    for id in [&theirs, &waiting] {
        assert_eq!(admin.get(mine, &queue, id, now).await.unwrap(), None, "get");
        assert_eq!(
            admin.remove(mine, &queue, id, now).await.unwrap(),
            Removal::Unknown,
            "remove"
        );
        let one = Selection::One(id.clone());
        assert_eq!(
            admin.requeue(mine, &queue, &one, now).await.unwrap(),
            0,
            "requeue one"
        );
    }
    let all = Selection::Matching {
        kind: None,
        class: None,
        limit: 100,
    };
    assert_eq!(
        admin.requeue(mine, &queue, &all, now).await.unwrap(),
        0,
        "requeue many"
    );
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let listed = admin
        .list(mine, &queue, &JobFilter::default(), page, now)
        .await
        .unwrap();
    assert_eq!(listed.items, [], "list");
    let counted: u64 = admin
        .stats(mine, now)
        .await
        .unwrap()
        .iter()
        .map(|lane| lane.waiting + lane.delayed + lane.active + lane.done + lane.dead)
        .sum();
    assert_eq!(counted, 0, "stats count own jobs only");
    let own = Scope::Organization(org(THEIRS));
    assert!(
        admin
            .get(own, &queue, &theirs, now)
            .await
            .unwrap()
            .is_some(),
        "the owner sees it"
    );
    assert_eq!(
        admin.requeue(own, &queue, &all, now).await.unwrap(),
        1,
        "and moves it"
    );
    let removed = admin.remove(own, &queue, &waiting, now).await.unwrap();
    assert!(
        matches!(&removed, Removal::Removed(view) if view.id == waiting),
        "{removed:?}"
    );
    assert_eq!(
        admin.get(own, &queue, &waiting, now).await.unwrap(),
        None,
        "it is gone"
    );
}

/// Active jobs cannot be removed.
pub async fn q_12_an_active_job_is_not_removed(bench: &dyn Bench) {
    let id = enqueue(bench, MINE, one("k")).await.remove(0);
    let held = claim(bench, "work", "w", 1).await.remove(0);
    let (admin, queue, now) = (bench.admin(), queue_name("work"), bench.clock().now());
    assert_eq!(
        admin
            .remove(Scope::Everything, &queue, &id, now)
            .await
            .unwrap(),
        Removal::Active
    );
    bench
        .queue()
        .finish(&held.lease, &Reason::done(), now)
        .await
        .expect("it was not removed");
    let removed = admin
        .remove(Scope::Everything, &queue, &id, now)
        .await
        .unwrap();
    assert!(
        matches!(removed, Removal::Removed(_)),
        "done jobs can be: {removed:?}"
    );
    let answers = enqueue(bench, MINE, one("k")).await;
    assert_eq!(answers, [id], "and its key is free");
    assert_eq!(
        claim_all(bench, "work", "w").await.len(),
        1,
        "so that it runs again"
    );
}

/// A paused queue accepts and starts nothing, also after a restart.
pub async fn q_15_a_paused_queue_accepts_and_starts_nothing(bench: &dyn Bench) {
    let queue = queue_name("work");
    bench.admin().pause(&queue, None).await.unwrap();
    enqueue(bench, MINE, one("k")).await;
    assert!(claim(bench, "work", "w", 1).await.is_empty(), "paused");
    let (reopened, admin) = bench.reopen().await;
    let claimed = reopened
        .claim(request(bench, "work", "w", 1))
        .await
        .unwrap();
    assert!(claimed.is_empty(), "still paused after a restart");
    let stats = admin
        .stats(Scope::Everything, bench.clock().now())
        .await
        .unwrap();
    let lane = stats
        .iter()
        .find(|s| s.queue == queue && s.lane == Lane::Default)
        .expect("listed");
    assert!(lane.paused && lane.waiting == 1, "{lane:?}");
    admin.resume(&queue, None).await.unwrap();
    assert_eq!(claim(bench, "work", "w", 1).await.len(), 1, "resumed");
    admin.pause(&queue, Some(Lane::Critical)).await.unwrap();
    enqueue(bench, MINE, one("k2")).await;
    assert_eq!(
        claim(bench, "work", "w", 1).await.len(),
        1,
        "one lane alone is paused"
    );
}

/// A list shows every job once over its pages, and only what the filter lets through.
pub async fn lists_are_paged_and_filtered(bench: &dyn Bench) {
    let ids = enqueue(bench, MINE, (0..23).map(|n| format!("k{n}"))).await;
    for held in claim(bench, "work", "w", 9).await {
        kill(bench, &held, Class::Permanent, "40310").await;
    }
    let (admin, queue, now) = (bench.admin(), queue_name("work"), bench.clock().now());
    let pages = |filter: JobFilter| {
        let (admin, queue) = (&admin, &queue);
        async move {
            let (mut seen, mut after) = (Vec::new(), None);
            for _ in 0..50 {
                let page = PageRequest { limit: 5, after };
                let page = admin
                    .list(Scope::Everything, queue, &filter, page, now)
                    .await
                    .unwrap();
                assert!(page.items.len() <= 5, "a page has its bound");
                seen.extend(page.items.into_iter().map(|view| view.id));
                after = page.next;
                if after.is_none() {
                    return seen;
                }
            }
            panic!("the list does not end");
        }
    };
    let all = pages(JobFilter::default()).await;
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(
        (all.len(), distinct),
        (23, ids.into_iter().collect()),
        "each once"
    );
    let dead = JobFilter {
        state: Some(JobState::Dead),
        ..JobFilter::default()
    };
    assert_eq!(pages(dead).await.len(), 9);
    let waiting = JobFilter {
        state: Some(JobState::Waiting),
        ..JobFilter::default()
    };
    assert_eq!(pages(waiting).await.len(), 14);
    let code = JobFilter {
        code: Some(Code::new("40310").unwrap()),
        ..JobFilter::default()
    };
    assert_eq!(pages(code).await.len(), 9);
    let class = JobFilter {
        class: Some(Class::Account),
        ..JobFilter::default()
    };
    assert_eq!(pages(class).await.len(), 0);
    let kind = JobFilter {
        kind: Some(Kind::new("other:kind").unwrap()),
        ..JobFilter::default()
    };
    assert_eq!(pages(kind).await.len(), 0);
}

/// Statistics count jobs by state and tell how long the oldest due one waits.
pub async fn stats_count_by_state(bench: &dyn Bench) {
    let now = bench.clock().now();
    let later = job_of(MINE, "work", "later", now + Span::from_seconds(3_600));
    bench.queue().enqueue(vec![later], now).await.unwrap();
    enqueue(bench, MINE, (0..6).map(|n| format!("k{n}"))).await;
    let held = claim(bench, "work", "w", 4).await;
    bench
        .queue()
        .finish(&held[0].lease, &Reason::done(), now)
        .await
        .unwrap();
    kill(bench, &held[1], Class::Permanent, "e").await;
    bench.pass(Span::from_seconds(1)).await;
    let stats = bench
        .admin()
        .stats(Scope::Everything, bench.clock().now())
        .await
        .unwrap();
    let lane = stats
        .iter()
        .find(|lane| lane.queue == queue_name("work"))
        .expect("listed");
    let counts = (
        lane.waiting,
        lane.delayed,
        lane.active,
        lane.done,
        lane.dead,
    );
    assert_eq!(
        counts,
        (2, 1, 2, 1, 1),
        "waiting, delayed, active, done, dead"
    );
    let age = lane.oldest_age(bench.clock().now());
    assert!(
        age >= Span::from_micros(900_000) && age < Span::from_seconds(20),
        "{age:?}"
    );
}
