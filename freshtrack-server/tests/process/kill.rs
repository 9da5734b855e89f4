//! `kill -9` at any instant: what was answered is there exactly once, and the alerts are those of a run
//! that nobody disturbed (G-1, G-2, G-3, L-65, L-69).

use crate::client::Tenant;
use crate::database::{Database, Journal};
use crate::program::{Serving, free_address, freshtrack, run, spawn, told};
use crate::series::{Batch, Chance, HOUR, recorded_at};
use freshtrack_core::ports::Clock;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::clock::SystemClock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const SENDERS: u32 = 3;
const UNITS_PER_SENDER: u32 = 2;
/// How far back the series begins, and how many minutes that leaves.
const DAYS_BACK: u32 = 60;
const MINUTES_MAX: u32 = DAYS_BACK * 24 * 60 - 240;

/// How often the server is killed.
pub(crate) fn rounds() -> u32 {
    told("FRESHTRACK_KILL_ROUNDS").map_or(4, |text| text.parse().expect("a number of rounds"))
}

/// Which instants it is killed at.
pub(crate) fn seed() -> u64 {
    told("FRESHTRACK_KILL_SEED").map_or(1, |text| text.parse().expect("a seed"))
}

/// The present moment.
pub(crate) fn now() -> Timestamp {
    SystemClock::start().now()
}

/// A server that is killed and started again, always at the same address on the same database.
#[derive(Debug, Clone)]
pub(crate) struct Victim<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) address: String,
    pub(crate) database: String,
}

impl Victim<'_> {
    fn command(&self) -> tokio::process::Command {
        let mut command = freshtrack(self.folder);
        command.args([
            "serve",
            "--listen",
            &self.address,
            "--database",
            &self.database,
        ]);
        command
            .env("FRESHTRACK_REQUESTS_PER_MINUTE", "10000000")
            .env("FRESHTRACK_INGEST_REQUESTS_PER_MINUTE", "10000000");
        command
    }

    /// Starts it.
    pub(crate) async fn start(&self) -> Serving {
        Serving::start(&mut self.command(), &self.folder.join("server.log")).await
    }

    /// Kills it so many times, now and then already while it starts; how often in all.
    pub(crate) async fn torment(
        &self,
        mut server: Serving,
        rounds: u32,
        mut chance: Chance,
    ) -> (Serving, u32) {
        let mut kills = 0;
        for _ in 0..rounds {
            tokio::time::sleep(Duration::from_millis(30 + chance.below(700))).await;
            server.kill_9().await;
            kills += 1;
            if chance.below(4) == 0 {
                let mut starting = spawn(&mut self.command(), &self.folder.join("server.log"));
                tokio::time::sleep(Duration::from_millis(chance.below(250))).await;
                starting.kill().await.expect("the process can be killed");
                kills += 1;
            }
            server = self.start().await;
        }
        (server, kills)
    }
}

/// What one sender did.
#[derive(Debug, Default)]
struct Sent {
    batches: Vec<Batch>,
    attempts: usize,
    /// Readings of answered batches that an unanswered attempt had stored already.
    stored_unanswered: u64,
}

/// Posts a batch until it is answered with 200; how often it was posted, and the answer.
async fn post_until_answered(tenant: &Tenant, body: &Value) -> (usize, Value) {
    for attempt in 1..2_000 {
        if let Some(answer) = tenant.ingest(body).await {
            return (attempt, answer);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server does not come back");
}

fn count(answer: &Value, what: &str) -> u64 {
    answer["counts"][what].as_u64().expect("a count")
}

/// One sender: its units' series in order, each batch repeated until it is answered, and at the end a
/// stretch that leaves an alert open.
async fn send(
    tenant: Tenant,
    ids: Arc<Vec<String>>,
    start: Timestamp,
    sender: u32,
    stop: Arc<AtomicBool>,
) -> Sent {
    let mut chance = Chance(seed().wrapping_mul(1_000) + u64::from(sender));
    let units: Vec<u32> = (0..UNITS_PER_SENDER)
        .map(|n| sender * UNITS_PER_SENDER + n)
        .collect();
    let mut sent = Sent::default();
    let mut minute = 0;
    let mut ended = false;
    while !ended {
        let left = HOUR - minute % HOUR;
        let calm = left == HOUR && minute > 0;
        ended = calm && (stop.load(Ordering::Relaxed) || minute >= MINUTES_MAX);
        let length = if ended {
            20
        } else {
            left.min(u32::try_from(5 + chance.below(20)).expect("small"))
        };
        let batch = Batch {
            units: if ended {
                units[..1].to_vec()
            } else {
                units.clone()
            },
            minutes: minute..minute + length,
            hot: ended,
        };
        minute += length;
        let (attempts, answer) = post_until_answered(&tenant, &batch.body(&ids, start)).await;
        let (accepted, duplicate) = (count(&answer, "accepted"), count(&answer, "duplicate"));
        assert_eq!(accepted + duplicate, batch.len() as u64, "{answer}");
        assert!(
            duplicate == 0 || accepted == 0,
            "half a batch was stored: {answer}"
        );
        assert!(
            duplicate == 0 || attempts > 1,
            "stored before it was posted: {answer}"
        );
        sent.attempts += attempts;
        sent.stored_unanswered += duplicate;
        sent.batches.push(batch);
        tokio::time::sleep(Duration::from_millis(chance.below(25))).await;
    }
    sent
}

async fn make_units(tenant: &Tenant) -> Arc<Vec<String>> {
    let mut ids = Vec::new();
    for unit in 0..SENDERS * UNITS_PER_SENDER {
        ids.push(tenant.fridge(&format!("Fridge {unit}")).await);
    }
    Arc::new(ids)
}

/// Readings by unit and time.
type Readings = BTreeMap<(u32, String), Vec<u64>>;

fn expected(all: &[Batch], start: Timestamp) -> Readings {
    let mut readings = Readings::new();
    for (unit, minute, value) in all.iter().flat_map(Batch::readings) {
        let key = (unit, recorded_at(start, minute).to_string());
        readings.entry(key).or_default().push(u64::from(value));
    }
    readings
}

async fn stored(tenant: &Tenant, ids: &[String]) -> Readings {
    let mut readings = Readings::new();
    for (unit, id) in (0..).zip(ids) {
        for row in tenant
            .all(&format!(
                "/units/{id}/readings?order=asc&temperature_unit=C"
            ))
            .await
        {
            let at = row["recorded_at"].as_str().expect("a time").to_owned();
            let celsius = row["temperature"].as_f64().expect("a temperature");
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "values of the series are 0 to 10 °C"
            )]
            let milli = (celsius * 1_000.0).round() as u64;
            readings.entry((unit, at)).or_default().push(milli);
        }
    }
    readings
}

/// What is wrong with what is stored: lost, repeated, changed, or from nowhere.
fn differences(expected: &Readings, stored: &Readings) -> Vec<String> {
    let lost = expected
        .iter()
        .filter(|(key, values)| stored.get(*key) != Some(values))
        .map(|(key, values)| format!("{key:?}: sent {values:?}, stored {:?}", stored.get(key)));
    let invented = stored
        .iter()
        .filter(|(key, _)| !expected.contains_key(*key))
        .map(|(key, values)| format!("{key:?}: nobody sent {values:?}"));
    lost.chain(invented).collect()
}

/// Alerts as conditions: ids and record times left out, and what the present decides about a series of
/// the past (a sensor that is silent now).
async fn alerts(tenant: &Tenant, ids: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = tenant
        .all("/alerts?temperature_unit=C")
        .await
        .iter()
        .filter(|alert| {
            !matches!(
                alert["type"].as_str(),
                Some("monitoring_interrupted" | "missed_manual_entry")
            )
        })
        .map(|alert| {
            let unit = ids.iter().position(|id| alert["unit_id"] == id.as_str());
            let fields: Vec<String> = [
                "type",
                "severity",
                "status",
                "condition_since",
                "first_out_at",
                "confirmed_at",
                "cleared_at",
                "violated",
                "extreme",
            ]
            .iter()
            .map(|field| format!("{field}={}", alert[field]))
            .collect();
            format!(
                "unit {unit:?} {} {}",
                fields.join(" "),
                alert["resolved"]["kind"]
            )
        })
        .collect();
    lines.sort();
    lines
}

/// The same batches on a fresh server that nobody kills.
async fn undisturbed(batches: &[Batch], start: Timestamp) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let victim = Victim {
        folder: folder.path(),
        address: free_address(),
        database: Database::sqlite(folder.path()).url,
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder.path(), &victim.database, &server.base).await;
    let ids = make_units(&tenant).await;
    for batch in batches {
        let answer = tenant
            .ingest(&batch.body(&ids, start))
            .await
            .expect("an answer");
        assert_eq!(count(&answer, "accepted"), batch.len() as u64, "{answer}");
    }
    let alerts = alerts(&tenant, &ids).await;
    assert_eq!(server.stop().await, Some(0));
    alerts
}

/// Posts everything again: only duplicates, and neither an alert nor an event of a reading more.
async fn repeats_change_nothing(
    tenant: &Tenant,
    ids: &[String],
    batches: &[Batch],
    start: Timestamp,
    database: &Database,
) -> (Journal, Vec<String>) {
    let before = database.journal().await;
    let alerts_before = alerts(tenant, ids).await;
    for batch in batches {
        let answer = tenant
            .ingest(&batch.body(ids, start))
            .await
            .expect("an answer");
        assert_eq!(count(&answer, "duplicate"), batch.len() as u64, "{answer}");
        assert!(!answer.to_string().contains("value_differs"), "{answer}");
    }
    assert_eq!(
        alerts(tenant, ids).await,
        alerts_before,
        "a repeat changed alerts"
    );
    let journal = database.journal().await;
    assert_eq!(
        before.readings_told, journal.readings_told,
        "a repeat made events"
    );
    assert_eq!(
        (journal.first_seq, journal.last_seq),
        (1, journal.events),
        "the sequence has a gap"
    );
    (journal, alerts_before)
}

async fn killed_at_any_instant(name: &str, folder: &Path, database: &Database) {
    let victim = Victim {
        folder,
        address: free_address(),
        database: database.url.clone(),
    };
    let server = victim.start().await;
    let tenant = Tenant::bootstrap(folder, &database.url, &server.base).await;
    let ids = make_units(&tenant).await;
    let start = now() - Span::from_seconds(i64::from(DAYS_BACK) * 86_400);
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send(
            tenant.clone(),
            Arc::clone(&ids),
            start,
            sender,
            Arc::clone(&stop),
        ));
    }
    let (server, kills) = victim.torment(server, rounds(), Chance(seed())).await;
    stop.store(true, Ordering::Relaxed);
    let sent = senders.join_all().await;
    let batches: Vec<Batch> = sent
        .iter()
        .flat_map(|s| s.batches.iter().cloned())
        .collect();
    let total: usize = batches.iter().map(Batch::len).sum();

    let wanted = expected(&batches, start);
    let wrong = differences(&wanted, &stored(&tenant, &ids).await);
    assert!(
        wrong.is_empty(),
        "{} readings are wrong: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    let (journal, alerts_before) =
        repeats_change_nothing(&tenant, &ids, &batches, start, database).await;
    assert_eq!(
        journal.readings_told,
        i64::try_from(total).expect("few"),
        "each reading is in exactly one event"
    );
    let calm = undisturbed(&batches, start).await;
    let confirmed = calm
        .iter()
        .filter(|line| line.contains("severity=\"critical\""))
        .count();
    assert!(
        confirmed > 0 && calm.iter().any(|line| line.contains("status=\"active\"")),
        "{calm:#?}"
    );
    assert_eq!(
        alerts_before, calm,
        "alerts differ from those of an undisturbed run"
    );
    let audit = run(folder, &["verify-audit", "--database", &database.url]).await;
    assert_eq!(audit.code, Some(0), "{}{}", audit.stdout, audit.stderr);
    assert_eq!(server.stop().await, Some(0));
    let attempts: usize = sent.iter().map(|s| s.attempts).sum();
    let unanswered: u64 = sent.iter().map(|s| s.stored_unanswered).sum();
    eprintln!(
        "{name}: {kills} kills, {} batches of {total} readings answered, {} attempts unanswered, \
         {unanswered} readings stored without answer, {} alerts ({confirmed} confirmed) as undisturbed, \
         {} events",
        batches.len(),
        attempts - batches.len(),
        calm.len(),
        journal.events,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_nothing_that_was_answered_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    killed_at_any_instant("SQLite", folder.path(), &Database::sqlite(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_nothing_that_was_answered_on_postgres() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    killed_at_any_instant("PostgreSQL", folder.path(), &database).await;
    database.remove().await;
}

/// The saboteurs of the comparison above: each way of being wrong is seen.
#[test]
fn a_lost_a_repeated_a_changed_and_an_invented_reading_are_seen() {
    let batch = Batch {
        units: vec![0, 1],
        minutes: 0..3,
        hot: false,
    };
    let sent = expected(&[batch], Timestamp::EPOCH);
    assert_eq!(sent.len(), 6);
    assert!(differences(&sent, &sent).is_empty());
    let key = sent.keys().next().expect("not empty").clone();
    let spoilt = |spoil: &dyn Fn(&mut Readings)| {
        let mut readings = sent.clone();
        spoil(&mut readings);
        differences(&sent, &readings).len()
    };
    assert_eq!(spoilt(&|r| drop(r.remove(&key))), 1);
    assert_eq!(spoilt(&|r| r.entry(key.clone()).or_default().push(1)), 1);
    assert_eq!(spoilt(&|r| drop(r.insert(key.clone(), vec![1]))), 1);
    assert_eq!(spoilt(&|r| drop(r.insert((9, "x".to_owned()), vec![1]))), 1);
}
