//! Laws of the port [`Schedules`], and of the ticker over it.

#![expect(
    clippy::unwrap_used,
    reason = "a law that cannot ask its backend has failed"
)]
#![expect(clippy::missing_panics_doc, reason = "a law panics when it is broken")]

use super::{BenchClock, MemoryBench, claim_all, org, queue_name};
use crate::job::{Kind, Lane, Payload, Tenant};
use crate::ports::{Advance, QueueError, Schedules, WorkerId};
use crate::schedule::{Cadence, Change, Misfire, Schedule, ScheduleId, ScheduleSpec, Zone};
use crate::stats::NoMetrics;
use crate::testkit::Bench as _;
use crate::worker::Ticker;
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOLD: Span = Span::from_seconds(10);

fn schedule(id: &str, cron: &str) -> Schedule {
    let spec = ScheduleSpec {
        id: ScheduleId::new(id).unwrap(),
        tenant: Tenant::Organization(org(1)),
        queue: queue_name("work"),
        kind: Kind::new("email:digest").unwrap(),
        version: 3,
        lane: Lane::Bulk,
        payload: Payload::from_json(r#"{"period":"daily"}"#).unwrap(),
        cadence: Cadence::cron(cron).unwrap(),
        zone: Zone::new("Europe/Vienna").unwrap(),
        misfire: Misfire::All,
        enabled: true,
    };
    Schedule::starting(spec, START).unwrap()
}

async fn insert(schedules: &dyn Schedules, rows: &[Schedule]) {
    let changes: Vec<_> = rows.iter().cloned().map(Change::Insert).collect();
    schedules.apply(&changes).await.unwrap();
}

async fn all(schedules: &dyn Schedules) -> Vec<Schedule> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = schedules
            .list(PageRequest { limit: 2, after })
            .await
            .unwrap();
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Every field of a schedule reads back as it was written, in order of id over pages.
pub async fn a_schedule_reads_back_as_it_was_written(schedules: Arc<dyn Schedules>) {
    let mut rows: Vec<_> = (0..5)
        .map(|n| schedule(&format!("s{n}"), "30 2 * * 1"))
        .collect();
    rows[1].spec.cadence = Cadence::every(Span::from_seconds(30)).unwrap();
    rows[2].spec.tenant = Tenant::Platform;
    rows[2].spec.misfire = Misfire::Latest;
    rows[3].spec.enabled = false;
    rows[3].last_run_at = Some(START);
    rows[4].cursor = Some(START - Span::from_micros(1));
    insert(&*schedules, &rows).await;
    assert_eq!(all(&*schedules).await, rows);
    schedules.set_cursor(&rows[0].spec.id, START).await.unwrap();
    schedules
        .set_cursor(&ScheduleId::new("unknown").unwrap(), START)
        .await
        .unwrap();
    rows[0].cursor = Some(START);
    assert_eq!(all(&*schedules).await, rows);
}

/// Inserts, replacements and removals of one call are applied together.
pub async fn changes_are_applied_whole(schedules: Arc<dyn Schedules>) {
    let (a, b) = (schedule("a", "0 9 * * *"), schedule("b", "0 9 * * *"));
    insert(&*schedules, &[a.clone(), b.clone()]).await;
    let (moved, c) = (schedule("b", "0 10 * * *"), schedule("c", "0 9 * * *"));
    let changes = [
        Change::Remove(a.spec.id.clone()),
        Change::Replace(moved.clone()),
        Change::Insert(c.clone()),
        Change::Remove(a.spec.id.clone()),
    ];
    schedules.apply(&changes).await.unwrap();
    assert_eq!(all(&*schedules).await, [moved, c]);
}

/// Only enabled schedules that are due are claimed, oldest first, within the limit.
pub async fn only_enabled_due_schedules_are_claimed(schedules: Arc<dyn Schedules>) {
    let mut rows: Vec<_> = (0..4)
        .map(|n| schedule(&format!("s{n}"), "0 * * * *"))
        .collect();
    for (n, row) in (0..).zip(&mut rows) {
        row.next_run_at = START - Span::from_seconds(n);
    }
    rows[0].next_run_at = START + Span::from_micros(1);
    rows[3].spec.enabled = false;
    insert(&*schedules, &rows).await;
    let worker = WorkerId::new("w");
    let first = schedules.claim_due(&worker, START, HOLD, 1).await.unwrap();
    assert_eq!(first.len(), 1, "within the limit");
    assert_eq!(first[0].schedule, rows[2], "the oldest first");
    let rest = schedules.claim_due(&worker, START, HOLD, 9).await.unwrap();
    let rest: Vec<_> = rest
        .iter()
        .map(|claim| claim.schedule.spec.id.as_str())
        .collect();
    assert_eq!(
        rest,
        ["s1"],
        "neither what is not due nor what is switched off"
    );
}

/// Of several nodes one gets a due schedule.
pub async fn j_16_of_several_nodes_one_fires(schedules: Arc<dyn Schedules>) {
    let rows: Vec<_> = (0..30)
        .map(|n| schedule(&format!("s{n:02}"), "0 * * * *"))
        .collect();
    insert(&*schedules, &rows).await;
    let now = rows[0].next_run_at;
    let nodes: Vec<_> = (0..3).map(|n| WorkerId::new(&format!("node{n}"))).collect();
    let claims = join_all(
        nodes
            .iter()
            .map(|node| schedules.claim_due(node, now, HOLD, 100)),
    )
    .await;
    let ids: Vec<_> = claims
        .into_iter()
        .flat_map(Result::unwrap)
        .map(|claim| claim.schedule.spec.id)
        .collect();
    assert_eq!(ids.len(), 30, "each once");
    assert_eq!(
        ids.into_iter().collect::<BTreeSet<_>>().len(),
        30,
        "each once"
    );
}

/// A node that died between firing and advancing is repeated: same instant, hence the same key.
pub async fn a_node_that_died_is_repeated_with_the_same_key(schedules: Arc<dyn Schedules>) {
    let row = schedule("s", "0 * * * *");
    insert(&*schedules, std::slice::from_ref(&row)).await;
    let now = row.next_run_at;
    let (a, b) = (WorkerId::new("a"), WorkerId::new("b"));
    assert_eq!(
        schedules.claim_due(&a, now, HOLD, 9).await.unwrap().len(),
        1
    );
    let early = now + HOLD - Span::from_micros(1);
    assert_eq!(
        schedules.claim_due(&b, early, HOLD, 9).await.unwrap(),
        [],
        "held"
    );
    let again = schedules.claim_due(&b, now + HOLD, HOLD, 9).await.unwrap();
    assert_eq!(again.len(), 1, "the hold ran out");
    assert_eq!(again[0].schedule.next_run_at, now, "the same instant");
}

/// A claim that was overtaken, or whose schedule was changed or removed, moves nothing.
pub async fn a_stale_claim_moves_nothing(schedules: Arc<dyn Schedules>) {
    let row = schedule("s", "0 * * * *");
    insert(&*schedules, std::slice::from_ref(&row)).await;
    let (worker, now) = (WorkerId::new("w"), row.next_run_at);
    let old = schedules
        .claim_due(&worker, now, HOLD, 9)
        .await
        .unwrap()
        .remove(0);
    let new = schedules
        .claim_due(&worker, now + HOLD, HOLD, 9)
        .await
        .unwrap()
        .remove(0);
    let to = Advance {
        next_run_at: now + HOLD.times(10),
        last_run_at: Some(now),
    };
    let stale = schedules.advance(&old, to).await;
    assert!(
        matches!(stale, Err(QueueError::LeaseLost)),
        "overtaken: {stale:?}"
    );
    assert_eq!(
        all(&*schedules).await,
        std::slice::from_ref(&row),
        "nothing moved"
    );
    schedules.advance(&new, to).await.unwrap();
    let moved = all(&*schedules).await.remove(0);
    assert_eq!(
        (moved.next_run_at, moved.last_run_at),
        (to.next_run_at, Some(now))
    );
    let claim = schedules
        .claim_due(&worker, to.next_run_at, HOLD, 9)
        .await
        .unwrap()
        .remove(0);
    schedules
        .apply(&[Change::Replace(row.clone())])
        .await
        .unwrap();
    let changed = schedules.advance(&claim, to).await;
    assert!(
        matches!(changed, Err(QueueError::LeaseLost)),
        "changed: {changed:?}"
    );
    assert_eq!(all(&*schedules).await, [row], "the change stands");
}

/// Three tickers over a day of hours make one job for each hour, named by schedule and instant.
pub async fn the_ticker_fires_each_instant_once(schedules: Arc<dyn Schedules>) {
    let row = schedule("hourly", "0 * * * *");
    insert(&*schedules, std::slice::from_ref(&row)).await;
    let bench = MemoryBench::new();
    let clock = Arc::new(BenchClock::new(START));
    let tickers: Vec<_> = (0..3)
        .map(|n| {
            Ticker::new(
                Arc::clone(&schedules),
                bench.queue(),
                Arc::<BenchClock>::clone(&clock),
                Arc::new(NoMetrics),
                Arc::default(),
                WorkerId::new(&format!("node{n}")),
            )
        })
        .collect();
    let mut made = 0;
    for step in 0..24 {
        clock.advance(Span::from_seconds(if step == 20 {
            5 * 3_600
        } else {
            3_600
        }));
        let ticked = join_all(tickers.iter().map(Ticker::tick)).await;
        made += ticked.into_iter().map(Result::unwrap).sum::<usize>();
    }
    assert_eq!(made, 28, "one an hour, and the four that were missed");
    let (queue, now) = (bench.queue(), clock.now());
    let wish = crate::ports::ClaimRequest {
        lane: Lane::Bulk,
        now,
        ..super::bench::request(&bench, "work", "w", 100)
    };
    let jobs = queue.claim(wish).await.unwrap();
    assert_eq!(jobs.len(), 28);
    let first = jobs[0].job.as_ref().unwrap();
    let (key, instant) = (first.spec.key().as_str(), row.next_run_at);
    assert_eq!(key, format!("hourly@{instant}"));
    let wanted = format!(r#"{{"period":"daily","scheduled_at":"{instant}"}}"#);
    assert_eq!(first.spec.payload().as_json(), wanted);
    assert_eq!((first.spec.version(), first.spec.lane()), (3, Lane::Bulk));
    assert!(
        claim_all(&bench, "work", "w").await.is_empty(),
        "nothing in other lanes"
    );
}
