//! Clients that break every rule, against the real binary: each gets a typed error or a closed transport,
//! nobody else notices, and nothing of them stays.

mod floods;
mod foreign;
mod frames;
mod raw;
mod slow;

use crate::house::House;
use freshtrack_core::ports::Clock;
use freshtrack_core::time::Span;
use freshtrack_server::clock::SystemClock;
use raw::{Client, http};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longest wait for what should happen at once; the machine may be busy.
const SOON: Duration = Duration::from_secs(10);

/// A server whose bounds per address do not get into the way of a test that floods it.
fn open_house() -> House {
    let mut house = House::build();
    for (name, value) in [
        ("FRESHTRACK_HANDSHAKES_PER_ADDRESS", "100000"),
        ("FRESHTRACK_UNAUTHENTICATED_PER_ADDRESS", "1000"),
        ("FRESHTRACK_CONNECTIONS_PER_CALLER", "1000"),
        ("FRESHTRACK_REQUESTS_PER_MINUTE", "100000"),
        ("FRESHTRACK_INGEST_REQUESTS_PER_MINUTE", "100000"),
    ] {
        house.set(name, value);
    }
    house.start();
    house
}

/// A well-behaved client that must not notice anything.
struct Witness(Client);

impl Witness {
    fn of(house: &House) -> Self {
        Self(Client::connected(house))
    }

    /// Asks the time and waits for the answer.
    fn is_served(&mut self) {
        self.0.say("421[\"ping\"]");
        let begun = Instant::now();
        self.0.text_that(|text| text.starts_with("431["));
        let waited = begun.elapsed();
        assert!(waited < SOON, "the witness waited {waited:?}");
    }
}

/// The server is alive, answers, and after `connections` remain holds nothing of anybody else.
fn nothing_stays(house: &mut House, connections: u64) {
    assert!(house.is_alive(), "the server has ended");
    let begun = Instant::now();
    loop {
        let (_, body) = http(house.address(), "GET", "/health/realtime", &[], "");
        let health: Value = serde_json::from_str(&body).unwrap();
        let open: u64 = ["websocket", "stream", "sse"]
            .iter()
            .map(|kind| health[kind]["connections"].as_u64().unwrap())
            .sum();
        let (_, metrics) = http(house.address(), "GET", "/metrics", &[], "");
        let waiting = metric(&metrics, "mailbox_messages") + metric(&metrics, "unsent_bytes");
        if open == connections && waiting == 0 {
            return;
        }
        assert!(
            begun.elapsed() < 3 * SOON,
            "{open} connections and {waiting} unread things stay; {connections} expected"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// So many milliseconds ago, as the API reads it.
fn stamp(ago_ms: i64) -> String {
    let at = SystemClock::start().now() - Span::from_micros(ago_ms * 1_000);
    at.to_rfc3339_millis()
}

/// The value of a metric without labels.
fn metric(page: &str, name: &str) -> u64 {
    let name = format!("freshtrack_realtime_{name} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no metric {name}in {page}"))
}
