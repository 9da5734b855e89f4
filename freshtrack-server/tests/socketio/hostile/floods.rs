//! Too much of everything (RT-14).

use super::raw::{Client, frame};
use super::{Witness, nothing_stays, open_house};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// What a flood may cost, and be held after it: an allocator keeps what it was given once.
const GROWTH_KIB_MAX: u64 = 48 * 1024;
const SUBSCRIBES: u32 = 10_000;

#[test]
fn rt_14_ten_thousand_subscribe_calls_end_in_errors_or_a_closed_transport() {
    let mut house = open_house();
    let mut witness = Witness::of(&house);
    let before = house.memory_kib();
    for stream in [false, true] {
        let mut client = if stream {
            Client::streaming(&house, "")
        } else {
            Client::connected(&house)
        };
        let mut sent = 0;
        for n in 0..SUBSCRIBES {
            let id = format!("00000000-0000-4000-8000-{n:012}");
            let text = if stream {
                format!("{{\"id\":{n},\"op\":\"subscribe\",\"unit_id\":\"{id}\"}}")
            } else {
                format!("42{n}[\"subscribe:unit\",\"{id}\"]")
            };
            if !client.try_say(&text) {
                break;
            }
            sent += 1;
        }
        let (texts, _) = client.rest(Duration::from_secs(1));
        println!("stream {stream}: {sent} sent, {} answers", texts.len());
        let granted = texts
            .iter()
            .filter(|text| text.contains("\"ok\":true"))
            .count();
        assert_eq!(granted, 0, "a foreign unit was granted");
        witness.is_served();
    }
    let grown = house.memory_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "memory grew by {grown} KiB");
    nothing_stays(&mut house, 1);
}

#[test]
fn rt_14_two_hundred_subscriptions_are_the_bound_of_one_connection() {
    let mut house = open_house();
    let unit = house.fact("unit_id").to_owned();
    let mut client = Client::streaming(&house, "");
    for id in 0..30 {
        client.say(&format!(
            "{{\"id\":{id},\"op\":\"subscribe\",\"unit_id\":\"{unit}\"}}"
        ));
        assert_eq!(client.result(id)["ok"], true, "the same unit again");
    }
    drop(client);
    nothing_stays(&mut house, 0);
}

#[test]
fn rt_14_half_open_transports_are_closed_and_leave_nothing() {
    let mut house = open_house();
    let mut witness = Witness::of(&house);
    let address = house.address().to_owned();
    // One each: nothing said, half a request, an upgrade and nothing more, an open packet and no connect,
    // a WebSocket without its first frame, half a frame.
    let silent = TcpStream::connect(&address).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"GET /api/v1/stream HTTP/1.1\r\nhost: te")
        .unwrap();
    let mut nameless = Client::anonymous(&house);
    let mut frameless = Client::upgrade(&address, "/api/v1/stream", &[]).unwrap();
    let mut partial = Client::anonymous(&house);
    let whole = frame(0x81, b"40{\"token\":\"x\"}");
    assert!(partial.send(&whole[..whole.len() - 3]));
    let closes = Duration::from_secs(25);
    for stream in [silent, half] {
        let mut raw = Client::of(stream);
        raw.ends_within(closes);
    }
    for client in [&mut nameless, &mut frameless, &mut partial] {
        client.ends_within(closes);
    }
    witness.is_served();
    nothing_stays(&mut house, 1);
}

#[test]
fn a_thousand_handshakes_of_one_address_are_bounded() {
    let mut house = crate::house::House::build();
    house.start();
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut held = Vec::new();
    let (mut limited, mut refused) = (0, Vec::new());
    for _ in 0..200 {
        match Client::upgrade(house.address(), path, &[]) {
            Ok(client) => held.push(client),
            Err(answer) if answer.starts_with("HTTP/1.1 429") => {
                let told = answer.to_ascii_lowercase();
                assert!(told.contains("retry-after"), "{answer}");
                limited += 1;
            }
            Err(answer) => refused.push(answer),
        }
    }
    assert!(refused.is_empty(), "{refused:?}");
    assert!(
        limited > 0 && held.len() <= 50,
        "{} let in, {limited} limited",
        held.len()
    );
    drop(held);
    std::thread::park_timeout(Duration::from_millis(1_100));
    Witness::of(&house).is_served();
    nothing_stays(&mut house, 0);
}
