//! RT-13: readers that stop reading, over every transport.

use super::raw::{Client, http};
use super::{Witness, nothing_stays, open_house, stamp};
use crate::house::House;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Events that do not fit: over 1,024 messages, whatever the kernel's buffers hold.
const ROUNDS: u32 = 60;
const READINGS: i64 = 500;
/// A stalled transport ends after half a minute and a grace of five seconds.
const ENDS: Duration = Duration::from_secs(75);
const GROWTH_KIB_MAX: u64 = 96 * 1024;

/// A request for the live stream that is never read.
fn stopped(house: &House, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    let bearer = house.fact("owner_token");
    write!(
        stream,
        "GET /api/v1/stream HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {bearer}\r\n{request}\r\n"
    )
    .unwrap();
    stream
}

/// One batch of readings of new units: large messages that do not replace each other.
fn load(house: &House, units: &[String], round: u32) {
    let key = house.fact("api_key").to_owned();
    let unit = &units[round as usize % units.len()];
    let readings: Vec<Value> = (0..READINGS)
        .map(|n| json!({"unit_id": unit, "recorded_at": stamp(READINGS - n), "temperature": 3}))
        .collect();
    let body = json!({ "readings": readings }).to_string();
    let headers = [
        ("x-api-key", key.as_str()),
        ("content-type", "application/json"),
    ];
    let (head, answer) = http(
        house.address(),
        "POST",
        "/api/v1/ingest/readings",
        &headers,
        &body,
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head} {answer}");
}

/// Reads whatever is left; whether the other side has ended it.
fn ended(stream: &mut TcpStream, wait: Duration) -> bool {
    stream.set_read_timeout(Some(wait)).unwrap();
    let mut sink = vec![0; 1 << 16];
    loop {
        match stream.read(&mut sink) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                return !matches!(error.kind(), WouldBlock | TimedOut);
            }
        }
    }
}

#[test]
fn rt_13_readers_that_stop_are_closed_and_delay_nobody() {
    let mut house = open_house();
    let units = house.units(40);
    let mut witness = Witness::of(&house);
    let before = house.memory_kib();
    let mut socketio = Client::connected(&house);
    let websocket = stopped(
        &house,
        "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    );
    let sse = stopped(&house, "accept: text/event-stream\r\n");
    let begun = Instant::now();
    let mut round = 0;
    while begun.elapsed() < ENDS {
        load(&house, &units, round);
        witness.is_served();
        round += 1;
        if round >= ROUNDS {
            let (_, metrics) = http(house.address(), "GET", "/metrics", &[], "");
            if super::metric(&metrics, "slow_disconnects_total") >= 3 {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(500));
        }
    }
    println!("{round} rounds in {:?}", begun.elapsed());
    let grown = house.memory_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "memory grew by {grown} KiB");
    socketio.ends_within(Duration::from_secs(15));
    for mut stream in [websocket, sse] {
        assert!(
            ended(&mut stream, Duration::from_secs(15)),
            "a stopped reader stays"
        );
    }
    witness.is_served();
    nothing_stays(&mut house, 1);
}
