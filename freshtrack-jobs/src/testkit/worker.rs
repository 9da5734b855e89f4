//! Laws of the runtime, over any adapter.

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]
#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

use super::scripted::{
    Runs, SOON, Scripted, done, enqueue, start, start_in_a_process, start_with, until, views,
};
use super::{Bench, job, job_of, org, queue_name};
use crate::admission::{Admission, Bounds, Place, Row};
use crate::job::{Code, Lane, NewJob, Tenant};
use crate::ports::JobState;
use crate::registry::{Context, KindSpec, Outcome};
use crate::retry::Class;
use crate::worker::{DrainBounds, Drained};
use async_trait::async_trait;
use freshtrack_core::time::Span;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// An enqueued job runs until it is done or dead, whatever worker dies when.
pub async fn q_1_every_job_runs_though_a_worker_dies(bench: &dyn Bench) {
    let now = bench.clock().now();
    enqueue(bench, (0..40).map(|n| job(&format!("k{n}"), now)).collect()).await;
    let hangs = Scripted::new(|_, _| std::future::pending());
    let victim = start_in_a_process(bench, "victim", [0, 8, 0], hangs).await;
    until("the victim holds jobs", SOON, async || {
        views(bench, JobState::Active).await.len() == 8
    })
    .await;
    victim.shutdown_background(); // nothing is released, nothing settled, nothing renewed
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, _| {
        noted.note(&job);
        async { done() }
    });
    let survivor = start(bench, "survivor", [0, 4, 0], handler);
    until("the free jobs ran", SOON, async || runs.keys() >= 32).await;
    bench.pass(bench.lease()).await;
    until(
        "the victim's jobs ran too",
        Duration::from_secs(20),
        async || runs.keys() == 40,
    )
    .await;
    until("all are done", SOON, async || {
        views(bench, JobState::Done).await.len() == 40
    })
    .await;
    assert_eq!(survivor.stop().await, Drained::Completely);
}

/// Retries end at the horizon: dead, with the last class and code, and the handler was told.
pub async fn q_7_the_horizon_ends_a_job_with_its_last_class_and_code(bench: &dyn Bench) {
    enqueue(bench, vec![job("k", bench.clock().now())]).await;
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, _| {
        let n = noted.note(&job);
        let code = Code::new(&format!("e{n}")).ok();
        let class = if n % 2 == 0 {
            Class::Throttled
        } else {
            Class::Transient
        };
        async move {
            Outcome::Retry {
                class,
                code,
                not_before: None,
            }
        }
    });
    let deaths = Arc::clone(&handler.deaths);
    let worker = start(bench, "w", [0, 1, 0], handler);
    until("dead", SOON, async || {
        views(bench, JobState::Dead).await.len() == 1
    })
    .await;
    let view = views(bench, JobState::Dead).await.remove(0);
    let n = runs.of("k");
    assert!(n >= 4, "only {n} attempts in two seconds");
    assert_eq!(
        view.code.as_ref().map(|code| code.as_str().to_owned()),
        Some(format!("e{n}"))
    );
    assert!(matches!(
        view.class,
        Some(Class::Transient | Class::Throttled)
    ));
    let told = deaths.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "the handler was told once: {told:?}");
    assert_eq!(told[0].code, view.code);
    worker.stop().await;
}

/// Permanent failures run once.
pub async fn q_8_a_permanent_failure_runs_once(bench: &dyn Bench) {
    let now = bench.clock().now();
    enqueue(bench, vec![job("retry", now), job("dead", now)]).await;
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, _| {
        noted.note(&job);
        let class = Class::Permanent;
        async move {
            if job.spec.key().as_str() == "dead" {
                Outcome::Dead { class, code: None }
            } else {
                Outcome::Retry {
                    class,
                    code: None,
                    not_before: None,
                }
            }
        }
    });
    let worker = start(bench, "w", [0, 2, 0], handler);
    until("both dead", SOON, async || {
        views(bench, JobState::Dead).await.len() == 2
    })
    .await;
    assert_eq!((runs.of("retry"), runs.of("dead")), (1, 1));
    worker.stop().await;
}

/// A panic or time-out fails one attempt and nothing else.
pub async fn q_8_a_panic_and_a_time_out_fail_one_attempt_each(bench: &dyn Bench) {
    let now = bench.clock().now();
    enqueue(
        bench,
        vec![job("panics", now), job("hangs", now), job("works", now)],
    )
    .await;
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, _| {
        let n = noted.note(&job);
        async move {
            match job.spec.key().as_str() {
                "panics" => assert!(n > 1, "the first attempt panics, as it should"),
                "hangs" if n == 1 => std::future::pending().await,
                _ => {}
            }
            done()
        }
    });
    let limit = Span::from_micros(300_000);
    let change = |spec| KindSpec {
        time_limit: limit,
        ..spec
    };
    let worker = start_with(
        bench,
        "w",
        [0, 3, 0],
        handler,
        change,
        DrainBounds::default(),
    );
    until("all done", SOON, async || {
        views(bench, JobState::Done).await.len() == 3
    })
    .await;
    assert_eq!(
        (runs.of("panics"), runs.of("hangs"), runs.of("works")),
        (2, 2, 1)
    );
    for view in views(bench, JobState::Done).await {
        let works = view.key.as_ref().is_some_and(|key| key.as_str() == "works");
        assert_eq!(view.attempts, u32::from(!works), "{view:?}");
    }
    worker.stop().await;
}

/// After stop nothing is claimed; running jobs finish, or return uncounted.
pub async fn q_10_running_jobs_finish_or_return_uncounted(bench: &dyn Bench) {
    let now = bench.clock().now();
    enqueue(
        bench,
        vec![job("finishes", now), job("heeds", now), job("hangs", now)],
    )
    .await;
    let handler = Scripted::new(|job, context: Context| async move {
        match job.spec.key().as_str() {
            "finishes" => tokio::time::sleep(Duration::from_millis(300)).await,
            "heeds" => {
                context.token.cancelled().await;
                return Outcome::Release;
            }
            _ => std::future::pending().await,
        }
        done()
    });
    let drain = DrainBounds {
        cancel_after: Duration::from_millis(600),
        release_after: Duration::from_millis(900),
        exit_after: Duration::from_millis(2_500),
    };
    let worker = start_with(bench, "w", [0, 8, 0], handler, |spec| spec, drain);
    until("all run", SOON, async || {
        views(bench, JobState::Active).await.len() == 3
    })
    .await;
    let begun = Instant::now();
    let stopping = worker.stop.clone();
    stopping.cancel();
    enqueue(bench, vec![job("too-late", bench.clock().now())]).await;
    assert_eq!(worker.stop().await, Drained::Completely);
    assert!(
        begun.elapsed() < drain.exit_after,
        "drained in {:?}",
        begun.elapsed()
    );
    assert_eq!(
        views(bench, JobState::Done).await.len(),
        1,
        "one finished in time"
    );
    assert!(
        views(bench, JobState::Active).await.is_empty(),
        "no lease is left open"
    );
    bench
        .queue()
        .promote(bench.clock().now(), 100)
        .await
        .unwrap();
    let waiting = views(bench, JobState::Waiting).await;
    assert_eq!(
        waiting.len(),
        3,
        "two came back, one was never claimed: {waiting:?}"
    );
    assert!(
        waiting
            .iter()
            .all(|view| view.attempts == 0 && view.crashes == 0),
        "{waiting:?}"
    );
}

/// Lanes never wait for lower ones.
pub async fn q_17_lanes_never_wait_for_lower_ones(bench: &dyn Bench) {
    let now = bench.clock().now();
    let bulk = (0..20)
        .map(|n| job(&format!("bulk{n}"), now).in_lane(Lane::Bulk))
        .collect();
    enqueue(bench, bulk).await;
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, context: Context| {
        noted.note(&job);
        async move {
            if job.spec.lane() == Lane::Bulk {
                context.token.cancelled().await;
                return Outcome::Release;
            }
            done()
        }
    });
    let drain = DrainBounds {
        cancel_after: Duration::from_millis(100),
        ..DrainBounds::default()
    };
    let worker = start_with(bench, "w", [1, 1, 2], handler, |spec| spec, drain);
    until("bulk fills its slots", SOON, async || runs.keys() == 2).await;
    let now = bench.clock().now();
    enqueue(
        bench,
        vec![
            job("page", now).in_lane(Lane::Critical),
            job("default", now),
        ],
    )
    .await;
    until("the others pass", Duration::from_secs(3), async || {
        runs.of("page") == 1 && runs.of("default") == 1
    })
    .await;
    assert_eq!(runs.keys(), 4, "and bulk got no slot of theirs");
    worker.stop().await;
}

/// With 10,000 jobs of one organization waiting, another's first starts after the bound plus the slots.
pub async fn q_18_a_flood_of_one_organization_does_not_hold_up_another(bench: &dyn Bench) {
    const SLOTS: usize = 4;
    let bounds = Bounds::default();
    let place = Place {
        lane: Lane::Default,
        queue: queue_name("work"),
    };
    let now = bench.clock().now();
    let mut admission = Admission::new(bounds);
    let row = |n: u8, name: usize| Row {
        tenant: Tenant::Organization(org(n)),
        place: place.clone(),
        created_at: now,
        name,
    };
    let refused = (0..10_000)
        .filter(|n| admission.offer(row(1, *n)).is_err())
        .count();
    assert_eq!(
        refused,
        10_000 - bounds.default,
        "the flood waits in the store"
    );
    let to_job = |row: Row<usize>| match row.tenant {
        Tenant::Organization(id) if id == org(2) => {
            job_of(2, "work", &format!("b{}", row.name), now)
        }
        Tenant::Organization(_) | Tenant::Platform => {
            job_of(1, "work", &format!("a{}", row.name), now)
        }
    };
    enqueue(
        bench,
        admission.admit(1_000).into_iter().map(to_job).collect(),
    )
    .await;
    admission.offer(row(2, 0)).unwrap();
    enqueue(
        bench,
        admission.admit(1_000).into_iter().map(to_job).collect(),
    )
    .await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let handler = Scripted::new(move |job, _| {
        noted.lock().unwrap().push(job.spec.tenant());
        async { done() }
    });
    let worker = start(bench, "w", [0, SLOTS, 0], handler);
    let other = Tenant::Organization(org(2));
    until("the other's job started", SOON, async || {
        order.lock().unwrap().contains(&other)
    })
    .await;
    let before = order
        .lock()
        .unwrap()
        .iter()
        .take_while(|tenant| **tenant != other)
        .count();
    assert!(
        before <= bounds.default + SLOTS,
        "{before} jobs of the flood came first"
    );
    worker.stop().await;
}

/// A handler learns of a lost lease through its token within one renewal interval.
pub async fn q_19_a_handler_learns_of_a_lost_lease(bench: &dyn Bench) {
    let lost = job("k", bench.clock().now());
    enqueue(bench, vec![lost.clone()]).await;
    let (started, cancelled) = (CancellationToken::new(), CancellationToken::new());
    let (began, told) = (started.clone(), cancelled.clone());
    let handler = Scripted::new(move |_, context: Context| {
        let (began, told) = (began.clone(), told.clone());
        async move {
            began.cancel();
            context.token.cancelled().await;
            told.cancel();
            done()
        }
    });
    // a lease of its own length: its third is to be waited for
    let lease = Span::from_micros(bench.lease().as_micros().min(1_500_000));
    let short = ShortLease { bench, lease };
    let worker = start(&short, "w", [0, 1, 0], handler);
    tokio::time::timeout(SOON, started.cancelled())
        .await
        .expect("the job starts");
    bench.break_lease(&lost).await;
    let interval = lease.to_duration() / 3 + Duration::from_millis(700);
    tokio::time::timeout(interval, cancelled.cancelled())
        .await
        .expect("the token is cancelled within one renewal interval");
    worker.stop.cancel();
}

/// A bench whose workers lease for less.
struct ShortLease<'a> {
    bench: &'a dyn Bench,
    lease: Span,
}

#[async_trait]
impl Bench for ShortLease<'_> {
    fn queue(&self) -> Arc<dyn crate::ports::Queue> {
        self.bench.queue()
    }
    fn admin(&self) -> Arc<dyn crate::ports::QueueAdmin> {
        self.bench.admin()
    }
    async fn reopen(
        &self,
    ) -> (
        Arc<dyn crate::ports::Queue>,
        Arc<dyn crate::ports::QueueAdmin>,
    ) {
        self.bench.reopen().await
    }
    fn clock(&self) -> Arc<dyn freshtrack_core::ports::Clock> {
        self.bench.clock()
    }
    async fn pass(&self, span: Span) {
        self.bench.pass(span).await;
    }
    fn lease(&self) -> Span {
        self.lease
    }
    async fn break_lease(&self, claimed: &NewJob) {
        self.bench.break_lease(claimed).await;
    }
}

/// Unknown kinds and versions are returned, not failed.
pub async fn q_20_unknown_kinds_are_returned_not_failed(bench: &dyn Bench) {
    enqueue(bench, vec![job("k", bench.clock().now())]).await;
    let handler = Scripted::new(|_, _| async { done() });
    let older = |spec| KindSpec { version: 9, ..spec };
    let worker = start_with(
        bench,
        "old",
        [0, 1, 0],
        handler,
        older,
        DrainBounds::default(),
    );
    until("given back", SOON, async || {
        views(bench, JobState::Delayed).await.len() == 1
    })
    .await;
    let view = views(bench, JobState::Delayed).await.remove(0);
    assert_eq!(
        (view.attempts, view.crashes, view.class),
        (0, 0, None),
        "not counted"
    );
    let away = view.run_at - bench.clock().now();
    assert!(
        away > Span::from_seconds(50) && away <= Span::from_seconds(60),
        "for 60 s: {away:?}"
    );
    worker.stop().await;
}

/// Malformed foreign jobs are dead, not run.
pub async fn q_20_what_is_no_job_is_dead_not_run(bench: &dyn Bench) {
    if !bench.plant(&queue_name("work")).await {
        return; // nothing foreign can get into this backend
    }
    let runs = Runs::default();
    let noted = runs.clone();
    let handler = Scripted::new(move |job, _| {
        noted.note(&job);
        async { done() }
    });
    let worker = start(bench, "w", [0, 1, 0], handler);
    until("dead", SOON, async || {
        views(bench, JobState::Dead).await.len() == 1
    })
    .await;
    let view = views(bench, JobState::Dead).await.remove(0);
    assert_eq!(view.code.as_ref().map(Code::as_str), Some("invalid_job"));
    assert_eq!(runs.keys(), 0, "and never run");
    worker.stop().await;
}
