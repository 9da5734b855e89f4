//! The live side of FreshTrack inside another program: plain hyper, memory adapters, no web framework.
//!
//! Without arguments it shows itself: a client listens, leaves, misses something, and comes back with
//! the last number it saw. With an address it serves until it is stopped: `embed-realtime 127.0.0.1:8090`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod live;

use anyhow::{Context, Result, ensure};
use freshtrack_core::event::{EventKind, OutboxEvent};
use freshtrack_core::ids::{OrgId, SiteId, UnitId, UserId};
use freshtrack_core::ports::Clock;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::memory::{MemoryBus, MemoryHistory, MemoryMembership, MemoryState};
use freshtrack_realtime::{Hub, HubConfig, HubPorts, Principal, Topic, render_or_hint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use live::Live;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

const ORG: OrgId = OrgId::from_uuid(Uuid::from_u128(1));
const SITE: SiteId = SiteId::from_uuid(Uuid::from_u128(2));
const UNIT: UnitId = UnitId::from_uuid(Uuid::from_u128(3));
const ANA: UserId = UserId::from_uuid(Uuid::from_u128(4));
/// The credential of this example; yours are verified.
const TOKEN: &str = "ana";

#[derive(Debug)]
struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the program's one clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// A program with something to tell: its record, and the hub that tells it.
struct Kitchen {
    record: MemoryHistory,
    hub: Hub,
}

impl Kitchen {
    /// Commits a change, and tells whoever listens; in this order.
    async fn change(&self, from: &str, to: &str, groups: (&str, &str)) {
        let event = self.record.commit(OutboxEvent {
            org: ORG,
            seq: 0,
            kind: EventKind::UnitStateChanged,
            occurred_at: System.now(),
            site: Some(SITE),
            unit: Some(UNIT),
            alert: None,
            user: None,
            payload: json!({
                "from": from, "to": to, "from_group": groups.0, "to_group": groups.1,
            }),
        });
        let envelope = render_or_hint(&event, freshtrack_core::temperature::TemperatureUnit::C);
        self.hub.publish(vec![envelope.envelope]).await;
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let listen = std::env::args().nth(1);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let record = MemoryHistory::new();
    let membership = MemoryMembership::new();
    membership.join(Principal::User(ANA), ORG, Role::Viewer);
    membership.add_place(ORG, Topic::Unit(UNIT));
    let hub = Hub::new(
        HubConfig::new("epoch-1"),
        HubPorts {
            bus: Arc::new(MemoryBus::new()),
            history: Arc::new(record.clone()),
            membership: Arc::new(membership.clone()),
            state: Arc::new(MemoryState::new()),
            clock: Arc::new(System),
        },
    );
    let running = (hub.clone(), stop.clone());
    tasks.spawn(async move { running.0.run(running.1).await });
    let live = Arc::new(Live {
        hub: hub.clone(),
        membership: Arc::new(membership),
        whose: |token| (token == TOKEN).then_some(Principal::User(ANA)),
    });
    let listener = TcpListener::bind(listen.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let address = listener.local_addr()?.to_string();
    tasks.spawn(serve(listener, live, tasks.clone(), stop.clone()));
    let kitchen = Kitchen { record, hub };
    if listen.is_some() {
        println!("curl -N -H 'Authorization: Bearer {TOKEN}' http://{address}/live");
        let mut warm = false;
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let (from, to) = if warm {
                ("excursion", "ok")
            } else {
                ("ok", "excursion")
            };
            let groups = if warm {
                ("warning", "normal")
            } else {
                ("normal", "warning")
            };
            kitchen.change(from, to, groups).await;
            warm = !warm;
        }
    }
    show(&kitchen, &address).await?;
    kitchen.hub.drain().await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    println!("PASSED");
    Ok(())
}

/// Accepts until the stop; each connection is a task of its own.
async fn serve(
    listener: TcpListener,
    live: Arc<Live>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            continue;
        };
        let live = Arc::clone(&live);
        let service = service_fn(move |request| {
            let live = Arc::clone(&live);
            async move { Ok::<_, Infallible>(live.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                ended = connection => if let Err(error) = ended {
                    println!("a connection ended: {error}");
                },
            }
        });
    }
}

/// A client that listens, leaves, misses two changes, and comes back.
async fn show(kitchen: &Kitchen, address: &str) -> Result<()> {
    let mut first = Listener::open(address, "", None).await?;
    first.until("connection:ack").await?;
    kitchen
        .change("ok", "excursion", ("normal", "warning"))
        .await;
    let seen = first.until("unit:state:changed").await?;
    drop(first);
    kitchen
        .change("excursion", "alarm_active", ("warning", "critical"))
        .await;
    kitchen
        .change("alarm_active", "restoring", ("critical", "normal"))
        .await;
    println!("it left after {seen}, and missed two changes");
    let unit = format!("?unit={UNIT}");
    let mut back = Listener::open(address, &unit, Some(seen)).await?;
    let mut missed = Vec::new();
    while missed.len() < 2 {
        missed.push(back.until("unit:state:changed").await?);
    }
    let end = back.until("resume:complete").await?;
    ensure!(
        missed == [seen + 1, seen + 2] && end == seen + 2,
        "not what was missed: {missed:?}"
    );
    let foreign = Listener::open(address, &format!("?unit={}", Uuid::from_u128(9)), None).await;
    ensure!(foreign.is_err(), "somebody else's unit was shown");
    Ok(())
}

/// A client of server-sent events by hand.
struct Listener(BufReader<TcpStream>);

impl Listener {
    async fn open(address: &str, query: &str, last: Option<i64>) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let last = last.map_or(String::new(), |seq| format!("last-event-id: {seq}\r\n"));
        let request = format!(
            "GET /live{query} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {TOKEN}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status).await?;
        ensure!(status.contains(" 200 "), "{status}");
        Ok(Self(reader))
    }

    /// The number of the first event of this name; prints what comes on the way.
    async fn until(&mut self, wanted: &str) -> Result<i64> {
        let (mut id, mut name) = (0, String::new());
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            ensure!(read.context("nothing came")?? > 0, "the stream ended");
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse()?;
            } else if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                println!("{id} {name} {}", data.trim());
                if name == wanted {
                    return Ok(id);
                }
            }
        }
    }
}
