//! Clients that come and go, on two nodes, while one node is restarted, the other is killed, and Redis goes
//! away and comes back: in the end each client has every alert event once, in order, counted by number.
#![expect(
    clippy::future_not_send,
    reason = "all clients share one thread, and so one core"
)]

use super::servers::{Freshtrack, Process, Redis, free_address};
use super::wire::{Wire, request};
use super::{block_on, program};
use crate::workspace::target_dir;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Between two things that people or units do.
const STEP: Duration = Duration::from_millis(400);
/// Mean time a client stays before it drops its transport without a word.
const STAYS: Duration = Duration::from_secs(30);
/// How long everybody may take to have everything after the last event.
const SETTLES_WITHIN: Duration = Duration::from_secs(90);
const STOPS_WITHIN: Duration = Duration::from_mins(1);

/// `cargo xtask soak realtime`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Clients, half of them on each node.
    #[arg(long, default_value_t = 1_000)]
    clients: u32,
    /// How long things happen.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The server program; an optimized one is built if left out.
    #[arg(long)]
    program: Option<PathBuf>,
}

/// What one client has had.
#[derive(Default)]
struct Record {
    last: Option<i64>,
    alerts: Vec<i64>,
    resyncs: u32,
    connects: u32,
    connected: bool,
    refused: Option<String>,
}

/// What all tasks of the soak share; they run on one thread.
struct World {
    ours: Freshtrack,
    addresses: [String; 2],
    /// Set when clients are to stay until the end.
    calm: Cell<bool>,
    over: Cell<bool>,
    /// Names of alert events by number, as anybody saw them.
    seen: RefCell<BTreeMap<i64, String>>,
    records: Vec<RefCell<Record>>,
    /// What the API accepted: alerts taken and closed.
    taken: Cell<u64>,
    closed: Cell<u64>,
}

/// Runs the soak.
pub(super) fn run(args: &Args) -> Result<()> {
    let program = program(args.program.as_ref())?;
    block_on(soak(args, program))
}

async fn soak(args: &Args, program: PathBuf) -> Result<()> {
    let mut redis = Redis::start()?;
    let url = redis.url();
    let ours = Freshtrack::new(&program, &target_dir().join("soak-realtime"), 1_000)?;
    let addresses = [free_address()?, free_address()?];
    let mut nodes = Vec::new();
    for address in &addresses {
        nodes.push(Some(ours.start(address, Some(&url), None)?));
    }
    let records = (0..args.clients).map(|_| RefCell::default()).collect();
    let world = Rc::new(World {
        ours,
        addresses,
        calm: Cell::new(false),
        over: Cell::new(false),
        seen: RefCell::default(),
        records,
        taken: Cell::new(0),
        closed: Cell::new(0),
    });
    for number in 0..args.clients {
        tokio::task::spawn_local(client(Rc::clone(&world), number));
    }
    wait_for("everybody's first connection", SETTLES_WITHIN, || {
        world
            .records
            .iter()
            .all(|record| record.borrow().connects > 0)
    })
    .await?;
    println!("{} clients on two nodes", args.clients);
    let acting = tokio::task::spawn_local(act(Rc::clone(&world)));
    disturb(args, &world, &mut nodes, &mut redis, &url).await?;
    world.calm.set(true);
    acting.await?;
    let whole = || {
        let seen = world.seen.borrow();
        world.records.iter().all(|record| {
            let record = record.borrow();
            record.connected && record.alerts.len() >= seen.len()
        })
    };
    let settled = wait_for("everybody to have everything", SETTLES_WITHIN, whole).await;
    sleep(Duration::from_secs(3)).await;
    world.over.set(true);
    report(&world)?;
    settled
}

/// What goes wrong meanwhile, at fixed shares of the time.
async fn disturb(
    args: &Args,
    world: &World,
    nodes: &mut [Option<Process>],
    redis: &mut Redis,
    url: &str,
) -> Result<()> {
    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let begun = Instant::now();
    let until = |share: f64| time.mul_f64(share).saturating_sub(begun.elapsed());
    sleep(until(0.25)).await;
    println!("{:?}: node 1 is stopped and started", begun.elapsed());
    if let Some(node) = nodes[0].as_mut() {
        node.terminate()?;
        let ended = Instant::now() + STOPS_WITHIN;
        while !node.has_ended()? {
            if Instant::now() > ended {
                bail!("node 1 did not stop");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    nodes[0] = Some(world.ours.start(&world.addresses[0], Some(url), None)?);
    sleep(until(0.45)).await;
    println!("{:?}: Redis is killed", begun.elapsed());
    redis.down()?;
    sleep(until(0.6)).await;
    println!("{:?}: Redis is started", begun.elapsed());
    redis.up()?;
    sleep(until(0.75)).await;
    println!("{:?}: node 2 is killed and started", begun.elapsed());
    drop(nodes[1].take());
    nodes[1] = Some(world.ours.start(&world.addresses[1], Some(url), None)?);
    sleep(until(1.0)).await;
    println!("{:?}: nothing happens any more", begun.elapsed());
    Ok(())
}

async fn wait_for(what: &str, limit: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > limit {
            bail!("waited {limit:?} in vain for {what}");
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A number that looks random and is the same in every run.
fn scattered(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Connects, listens, drops the transport now and then, and comes back with the last number.
async fn client(world: Rc<World>, number: u32) {
    let address = &world.addresses[number as usize % 2];
    let record = &world.records[number as usize];
    for turn in 0_u64.. {
        if world.over.get() {
            return;
        }
        let dice = scattered(u64::from(number) << 20 | turn);
        let stays =
            STAYS.mul_f64(0.2 + f64::from(u32::try_from(dice % 1_600).unwrap_or(0)) / 1_000.0);
        let leaving = async {
            sleep(stays).await;
            while world.calm.get() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = leaving => {}
            ended = listen(&world, address, record) => {
                if let Err(error) = ended
                    && error.to_string().starts_with("refused")
                {
                    record.borrow_mut().refused = Some(error.to_string());
                    return;
                }
            }
        }
        record.borrow_mut().connected = false;
        sleep(Duration::from_millis(100 + dice % 900)).await;
    }
}

/// One connection, from its handshake to its end.
async fn listen(world: &World, address: &str, record: &RefCell<Record>) -> Result<()> {
    let mut auth = json!({
        "token": world.ours.fact("owner_token"),
        "organizationId": world.ours.fact("organization_id"),
    });
    if let Some(last) = record.borrow().last {
        auth["lastSeq"] = last.into();
    }
    let mut wire = Wire::connect(address, &auth).await?;
    loop {
        let text = std::str::from_utf8(wire.next().await?)?;
        if let Some(refusal) = text.strip_prefix("44") {
            bail!("refused: {refusal}");
        }
        let Some((name, payload)) = text
            .strip_prefix("42[\"")
            .and_then(|rest| rest.split_once('"'))
        else {
            continue;
        };
        let seq = number_after(payload, "\"seq\":");
        let mut record = record.borrow_mut();
        match (name, seq) {
            ("connection:ack", Some(seq)) => {
                record.last = Some(seq);
                record.connects += 1;
                record.connected = true;
            }
            ("resync", seq) => {
                record.resyncs += 1;
                record.last = seq.or(record.last);
            }
            (_, Some(seq)) => {
                record.last = record.last.max(Some(seq));
                if name.starts_with("alert:") {
                    record.alerts.push(seq);
                    let mut seen = world.seen.borrow_mut();
                    seen.entry(seq).or_insert_with(|| name.to_owned());
                }
            }
            (_, None) => {}
        }
    }
}

fn number_after(text: &str, mark: &str) -> Option<i64> {
    let at = text.rfind(mark)? + mark.len();
    let digits = text[at..].split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Makes things happen until it is calm: food gets warm, people take alerts and close them. Each time
/// in a new unit, so that each alert is a new one.
async fn act(world: Rc<World>) {
    for turn in 0_u32.. {
        if world.calm.get() {
            return;
        }
        let address = &world.addresses[turn as usize % 2];
        // A node that restarts does not answer: somebody else acts a moment later.
        if let Err(error) = step(&world, address, turn).await {
            println!("turn {turn}: {error:#}");
        }
        sleep(STEP).await;
    }
}

async fn step(world: &World, address: &str, turn: u32) -> Result<()> {
    let made = world.ours.units(address, turn..turn + 1).await?;
    let unit = made.first().context("a unit was made")?;
    let key = [("x-api-key", world.ours.fact("api_key"))];
    let at = super::fanout::stamp(1);
    let body = json!({"readings": [{"unit_id": unit, "recorded_at": at, "temperature": 15}]});
    let (status, answer) = request(
        address,
        "POST",
        "/api/v1/ingest/readings",
        &key,
        &body.to_string(),
    )
    .await?;
    if status != 200 {
        bail!("readings were not taken: {status} {answer}");
    }
    let bearer = format!("Bearer {}", world.ours.fact("owner_token"));
    let headers = [("authorization", bearer.as_str())];
    let alerts = format!(
        "/api/v1/organizations/{}/alerts",
        world.ours.fact("organization_id")
    );
    let listed = format!("{alerts}?status=active&limit=5");
    let (_, answer) = request(address, "GET", &listed, &headers, "").await?;
    let listed: Value = serde_json::from_str(&answer).context("the list of alerts")?;
    for alert in listed["items"].as_array().into_iter().flatten() {
        let id = alert["id"].as_str().unwrap_or_default();
        let path = format!("{alerts}/{id}/acknowledge");
        if request(address, "POST", &path, &headers, "{}").await?.0 == 200 {
            world.taken.set(world.taken.get() + 1);
        }
        let path = format!("{alerts}/{id}/resolve");
        let words = json!({"note": "seen", "corrective_action": "door closed"}).to_string();
        if request(address, "POST", &path, &headers, &words).await?.0 == 200 {
            world.closed.set(world.closed.get() + 1);
        }
    }
    Ok(())
}

/// Counts what each client has against what there was.
fn report(world: &World) -> Result<()> {
    let seen = world.seen.borrow();
    let all: BTreeSet<i64> = seen.keys().copied().collect();
    let count = |name: &str| seen.values().filter(|have| *have == name).count() as u64;
    let (mut lost, mut twice, mut unordered, mut resyncs, mut connects) = (0, 0, 0, 0, 0);
    let mut refused = Vec::new();
    for record in &world.records {
        let record = record.borrow();
        let own: BTreeSet<i64> = record.alerts.iter().copied().collect();
        lost += all.difference(&own).count();
        twice += record.alerts.len() - own.len();
        unordered += record
            .alerts
            .windows(2)
            .filter(|pair| pair[0] >= pair[1])
            .count();
        resyncs += record.resyncs;
        connects += record.connects;
        refused.extend(record.refused.clone());
    }
    println!("{} clients connected {connects} times", world.records.len());
    for name in [
        "alert:triggered",
        "alert:escalated",
        "alert:acknowledged",
        "alert:resolved",
    ] {
        println!("  {name}: {}", count(name));
    }
    let delivered = all.len() * world.records.len();
    println!(
        "{} alert events, {delivered} deliveries expected",
        all.len()
    );
    println!("lost {lost}, twice {twice}, out of order {unordered}, resyncs {resyncs}");
    println!(
        "the API accepted {} and {}",
        world.taken.get(),
        world.closed.get()
    );
    // An answer may be lost with a node that is killed after the commit, so there may be more events.
    let told = count("alert:acknowledged") >= world.taken.get()
        && count("alert:resolved") >= world.closed.get();
    if lost + twice + unordered > 0 || resyncs > 0 || !told || !refused.is_empty() || all.is_empty()
    {
        bail!("not every client had every alert event once; refused: {refused:?}");
    }
    println!("PASSED");
    Ok(())
}
