//! Fan-out of the same messages by two servers in turn: ours and Socket.IO on Node.
#![expect(
    clippy::future_not_send,
    reason = "all clients share one thread, and so one core"
)]

use super::figures::{Figures, percentile, table};
use super::servers::{Freshtrack, Process, Redis, free_address, start_node};
use super::wire::{Wire, request};
use super::{block_on, program};
use crate::workspace::{command, root, run as run_command, target_dir};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Units that messages are about; each POST of a burst has readings of all of them.
const UNITS: u32 = 100;
/// Readings in a message: about 2.5 kB of JSON.
const READINGS: u32 = 10;
/// Messages of a paced run, and how often one is made.
const PACED: u32 = 100;
const PACE: Duration = Duration::from_millis(100);
/// How long a burst may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_mins(1);
/// How long a process may take to settle before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);
const BATCH: &[u8] = b"42[\"sensor:readings:batch\"";
const ACK: &[u8] = b"42[\"connection:ack\"";

/// `cargo xtask bench realtime`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Clients of one node; two nodes have half as many.
    #[arg(long, default_value_t = 1_000)]
    clients: u32,
    /// Rounds of each server, in turn, after one that is thrown away.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// The server program; an optimized one is built if left out.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Leave out the two nodes over Redis.
    #[arg(long)]
    one_node: bool,
}

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Node,
    Ours,
}

/// Measures both in turn and prints the tables.
pub(super) fn run(args: &Args) -> Result<()> {
    let program = program(args.program.as_ref())?;
    let peer = root().join("bench/realtime");
    let mut install = command("npm")?;
    install
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&peer);
    run_command(&mut install)?;
    let pinned = pin_self();
    println!("servers on core 0, clients on core 1: {pinned}");
    let core = pinned.then_some(0);
    let plans: &[bool] = if args.one_node {
        &[false]
    } else {
        &[false, true]
    };
    for two_nodes in plans {
        let (mut node, mut ours) = (Vec::new(), Vec::new());
        for round in 0..=args.rounds {
            for kind in [Kind::Node, Kind::Ours] {
                let clients = if *two_nodes {
                    args.clients / 2
                } else {
                    args.clients
                };
                let figures = block_on(measure(kind, &program, clients, *two_nodes, core))?;
                println!("round {round} {kind:?} {figures:?}");
                match (round, kind) {
                    (0, _) => {}
                    (_, Kind::Node) => node.push(figures),
                    (_, Kind::Ours) => ours.push(figures),
                }
            }
        }
        let nodes = if *two_nodes {
            "two nodes over Redis"
        } else {
            "one node"
        };
        println!("\n{nodes}, {} rounds, median (least–most)\n", args.rounds);
        println!("{}", table(&node, &ours, *two_nodes));
    }
    Ok(())
}

/// Binds this process, which is the load, to core 1; whether that could be done.
fn pin_self() -> bool {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-pc", "1", &pid]).output();
    pinned.is_ok_and(|output| output.status.success())
}

/// What one server needs while it is measured.
struct World {
    servers: Vec<Process>,
    units: Vec<String>,
    api_key: String,
    token: String,
    _redis: Option<Redis>,
}

async fn start(kind: Kind, program: &Path, two_nodes: bool, core: Option<u32>) -> Result<World> {
    let redis = two_nodes.then(Redis::start).transpose()?;
    let url = redis.as_ref().map(Redis::url);
    let mut servers = Vec::new();
    let count = 1 + u32::from(two_nodes);
    let world = match kind {
        Kind::Node => {
            for _ in 0..count {
                servers.push(start_node(&free_address()?, url.as_deref(), core)?);
            }
            World {
                units: (0..UNITS)
                    .map(|n| format!("00000000-0000-4000-8000-{n:012}"))
                    .collect(),
                api_key: String::new(),
                token: "anything".to_owned(),
                servers,
                _redis: redis,
            }
        }
        Kind::Ours => {
            let ours = Freshtrack::new(program, &target_dir().join("bench-realtime"), 0)?;
            for _ in 0..count {
                servers.push(ours.start(&free_address()?, url.as_deref(), core)?);
            }
            World {
                units: ours.units(&servers[0].address, 0..UNITS).await?,
                api_key: ours.fact("api_key").to_owned(),
                token: ours.fact("owner_token").to_owned(),
                servers,
                _redis: redis,
            }
        }
    };
    // Buses and adapters find each other.
    sleep(SETTLE).await;
    Ok(world)
}

/// What clients have received, all on this thread.
#[derive(Default)]
struct Heard {
    messages: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Arrivals of the n-th message of each client, while a paced run is on.
    paced: Option<Vec<Vec<Instant>>>,
}

async fn measure(
    kind: Kind,
    program: &Path,
    clients: u32,
    two_nodes: bool,
    core: Option<u32>,
) -> Result<Figures> {
    let world = start(kind, program, two_nodes, core).await?;
    let mut figures = Figures::default();
    let first = world.servers.first().context("a server runs")?;
    let last = world.servers.last().context("a server runs")?;
    figures.empty_kib = whole(last.memory_kib()?);
    let begun = Instant::now();
    let wires = connect(last, &world.token, clients).await?;
    figures.connect_s = begun.elapsed().as_secs_f64();
    sleep(SETTLE).await;
    figures.connected_kib = whole(last.memory_kib()?);
    figures.per_connection_kib = (figures.connected_kib - figures.empty_kib) / f64::from(clients);
    let heard = Rc::new(RefCell::new(Heard::default()));
    for wire in wires {
        tokio::task::spawn_local(listen(wire, Rc::clone(&heard)));
    }
    let expected = u64::from(clients) * u64::from(UNITS);
    if !two_nodes {
        for burst in 0..10 {
            let (rate, missing) = one_burst(&world, first, &heard, expected).await?;
            figures.lost += missing;
            // The second one: the first warms up.
            if burst == 1 {
                figures.burst_per_second = rate;
                sleep(SETTLE).await;
                figures.after_burst_kib = whole(last.memory_kib()?);
            }
        }
        sleep(SETTLE).await;
        figures.after_ten_bursts_kib = whole(last.memory_kib()?);
    }
    paced(&world, first, &heard, clients, &mut figures).await?;
    Ok(figures)
}

async fn connect(server: &Process, token: &str, clients: u32) -> Result<Vec<Wire>> {
    let mut wires = Vec::new();
    let mut joining = JoinSet::new();
    let auth = json!({ "token": token });
    let mut begun = 0;
    while begun < clients || !joining.is_empty() {
        while begun < clients && joining.len() < 100 {
            let (address, auth) = (server.address.clone(), auth.clone());
            joining.spawn_local(async move {
                let mut wire = Wire::connect(&address, &auth).await?;
                // Node acknowledges the namespace first, then says the same.
                loop {
                    let text = wire.next().await?;
                    if text.starts_with(ACK) {
                        return Ok::<_, anyhow::Error>(wire);
                    }
                    if text.starts_with(b"44") {
                        bail!("refused: {}", String::from_utf8_lossy(text));
                    }
                }
            });
            begun += 1;
        }
        if let Some(joined) = joining.join_next().await {
            wires.push(joined??);
        }
    }
    Ok(wires)
}

async fn listen(mut wire: Wire, heard: Rc<RefCell<Heard>>) {
    let mut number = 0;
    let mut paced_from = None;
    while let Ok(text) = wire.next().await {
        if !text.starts_with(BATCH) {
            continue;
        }
        let now = Instant::now();
        number += 1;
        let mut heard = heard.borrow_mut();
        heard.messages += 1;
        heard.first.get_or_insert(now);
        heard.last = Some(now);
        if let Some(arrivals) = &mut heard.paced {
            let from: usize = *paced_from.get_or_insert(number);
            if let Some(of) = arrivals.get_mut(number - from) {
                of.push(now);
            }
        }
    }
}

/// One POST that makes a message for each unit; messages a second, and how many did not arrive.
async fn one_burst(
    world: &World,
    server: &Process,
    heard: &Rc<RefCell<Heard>>,
    expected: u64,
) -> Result<(f64, f64)> {
    *heard.borrow_mut() = Heard::default();
    post(world, server, &body(&world.units)).await?;
    let begun = Instant::now();
    while heard.borrow().messages < expected && begun.elapsed() < ARRIVES_WITHIN {
        sleep(Duration::from_millis(5)).await;
    }
    let heard = heard.borrow();
    let missing = whole(expected.saturating_sub(heard.messages));
    let (Some(first), Some(last)) = (heard.first, heard.last) else {
        bail!("nothing arrived");
    };
    Ok((
        whole(heard.messages) / (last - first).as_secs_f64(),
        missing,
    ))
}

async fn paced(
    world: &World,
    server: &Process,
    heard: &Rc<RefCell<Heard>>,
    clients: u32,
    figures: &mut Figures,
) -> Result<()> {
    *heard.borrow_mut() = Heard {
        paced: Some(vec![Vec::new(); PACED as usize]),
        ..Heard::default()
    };
    let cpu = |servers: &[Process]| -> Result<Duration> {
        servers.iter().map(Process::cpu).sum::<Result<Duration>>()
    };
    let before = cpu(&world.servers)?;
    let mut posted = Vec::new();
    let mut next = Instant::now();
    for number in 0..PACED as usize {
        let unit = &world.units[number % world.units.len()..][..1];
        let body = body(unit);
        posted.push(Instant::now());
        post(world, server, &body).await?;
        next += PACE;
        tokio::time::sleep_until(next.into()).await;
    }
    let expected = u64::from(clients) * u64::from(PACED);
    let begun = Instant::now();
    while heard.borrow().messages < expected && begun.elapsed() < ARRIVES_WITHIN / 4 {
        sleep(Duration::from_millis(20)).await;
    }
    let used = cpu(&world.servers)?.saturating_sub(before);
    let heard = heard.borrow();
    figures.lost += whole(expected.saturating_sub(heard.messages));
    figures.cpu_us_per_message = used.as_secs_f64() * 1e6 / whole(heard.messages.max(1));
    let (mut spread, mut post) = (Vec::new(), Vec::new());
    for (arrivals, posted) in heard.paced.iter().flatten().zip(&posted) {
        let Some(first) = arrivals.iter().min() else {
            continue;
        };
        let millis = |from: &Instant, to: &Instant| (*to - *from).as_secs_f64() * 1e3;
        spread.extend(arrivals.iter().map(|at| millis(first, at)));
        post.extend(arrivals.iter().map(|at| millis(posted, at)));
    }
    figures.spread_p50_ms = percentile(&mut spread, 50);
    figures.spread_p99_ms = percentile(&mut spread, 99);
    figures.post_p50_ms = percentile(&mut post, 50);
    figures.post_p99_ms = percentile(&mut post, 99);
    Ok(())
}

/// Readings of each unit, all taken in the last moment.
fn body(units: &[String]) -> String {
    let readings: Vec<Value> = units
        .iter()
        .flat_map(|unit| {
            (0..READINGS).map(move |n| {
                json!({"unit_id": unit, "recorded_at": stamp(READINGS - n), "temperature": 3.5})
            })
        })
        .collect();
    json!({ "readings": readings }).to_string()
}

/// So many milliseconds ago, as both servers read it.
#[expect(clippy::disallowed_methods, reason = "the load's own clock")]
pub(super) fn stamp(ago_ms: u32) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = now.map_or(0, |now| now.as_micros());
    let micros = i64::try_from(micros).unwrap_or_default() - i64::from(ago_ms) * 1_000;
    freshtrack_core::time::Timestamp::from_micros(micros).to_rfc3339_millis()
}

async fn post(world: &World, server: &Process, body: &str) -> Result<()> {
    let headers = [("x-api-key", world.api_key.as_str())];
    let path = "/api/v1/ingest/readings";
    let (status, answer) = request(&server.address, "POST", path, &headers, body).await?;
    if status != 200 {
        bail!("readings were not taken: {status} {answer}");
    }
    Ok(())
}

/// A count as a figure; counts stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}
