//! Frames and packets that are none.

use super::raw::{Client, frame};
use super::{Witness, nothing_stays, open_house};
use crate::house::House;
use std::time::Duration;

/// How long a transport may take to end after a frame that is none.
const ENDS: Duration = Duration::from_secs(15);
/// Rounds of the fuzzer, and changes per round.
const ROUNDS: u64 = 150;
const CHANGES: u64 = 8;

/// Bytes below the protocol: the transport ends.
fn broken_frames() -> Vec<(&'static str, Vec<u8>)> {
    let unmasked = vec![0x81, 0x01, b'3'];
    let endless = {
        let mut bytes = vec![0x81, 0x80 | 0x7f];
        bytes.extend(u64::MAX.to_be_bytes());
        bytes.extend([1, 2, 3, 4]);
        bytes
    };
    vec![
        ("unmasked", unmasked),
        ("reserved opcode", frame(0x83, b"3")),
        ("reserved bits", frame(0xf1, b"3")),
        ("continuation of nothing", frame(0x80, b"3")),
        ("not UTF-8", frame(0x81, &[0xff, 0xfe])),
        ("a ping of 200 bytes", frame(0x89, &[0; 200])),
        ("longer than there is", endless),
        ("over 64 KiB", frame(0x81, &vec![b'4'; 64 * 1024 + 1])),
        ("fragments over 64 KiB", {
            let mut bytes = frame(0x01, &vec![b'4'; 40 * 1024]);
            bytes.extend(frame(0x80, &vec![b'4'; 40 * 1024]));
            bytes
        }),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ]
}

/// Text that no client would send: an error, silence or the end, never more.
const ODD_PACKETS: &[&str] = &[
    "",
    "4",
    "42",
    "42[",
    "42[]",
    "42[7]",
    "42{}",
    "42[null]",
    "42[\"\"]",
    "42[\"ping\"",
    "42[\"ping\",]",
    "42[[\"ping\"]]",
    "4299999999999999999999[\"ping\"]",
    "42-1[\"ping\"]",
    "43[1]",
    "43",
    "44{}",
    "45",
    "451-",
    "451-[\"x\"]",
    "4599999999999-[\"x\"]",
    "451-[\"subscribe:unit\",{\"_placeholder\":true,\"num\":0}]",
    "46",
    "47",
    "4a",
    "40",
    "40{}",
    "40/admin,",
    "40/admin,{}",
    "42/admin,[\"ping\"]",
    "41/admin,",
    "40{\"token\":7}",
    "5",
    "6",
    "2probe",
    "3probe",
    "0",
    "7",
    "9",
    "b",
    "bAAAA",
    "\u{0}",
    "4\u{0}",
    "\u{1f9ca}",
    "42[\"ping\"]x",
    "42[\"error\"]",
    "42[\"connect\"]",
    "42[\"disconnect\"]",
    "42[\"__proto__\",{}]",
    "42[\"subscribe:unit\",{\"toString\":1}]",
];

#[test]
fn broken_frames_end_one_transport_and_nobody_else_notices() {
    let mut house = open_house();
    let mut witness = Witness::of(&house);
    for (what, bytes) in broken_frames() {
        for stream in [false, true] {
            let mut client = if stream {
                Client::streaming(&house, "")
            } else {
                Client::connected(&house)
            };
            client.send(&bytes);
            let took = client.ends_within(ENDS);
            println!("{what}: ended after {took:?}");
        }
        witness.is_served();
    }
    // The same before anybody has said who they are.
    for (_, bytes) in broken_frames() {
        let mut client = Client::anonymous(&house);
        client.send(&bytes);
        client.ends_within(ENDS);
    }
    witness.is_served();
    nothing_stays(&mut house, 1);
}

#[test]
fn rt_02_odd_packets_are_answered_or_end_one_transport() {
    let mut house = open_house();
    let mut witness = Witness::of(&house);
    for packet in ODD_PACKETS {
        let mut client = Client::connected(&house);
        client.say(packet);
        // Either it goes on, or the transport has ended: both are fine, silence with a leak is not.
        let asked = client.try_say("429[\"ping\"]");
        if asked {
            let (texts, ended) = client.rest(Duration::from_millis(300));
            let answered = texts.iter().any(|text| text.starts_with("439["));
            assert!(
                answered || ended,
                "{packet:?}: neither answered nor ended: {texts:?}"
            );
        }
    }
    witness.is_served();
    nothing_stays(&mut house, 1);
}

#[test]
fn nobody_is_refused_without_words_or_with_wrong_ones() {
    // What says nothing about a credential is told so; what is our fault is not told at all.
    let mut house = House::build();
    house.set("FRESHTRACK_HANDSHAKES_PER_ADDRESS", "1000");
    house.write_settings(
        "[[issuers]]\nissuer = 'https://down.example'\naudience = 'x'\nalgorithm = 'RS256'\n\
         jwks_url = 'http://127.0.0.1:9/jwks'\n",
    );
    house.start();
    let mut client = Client::anonymous(&house);
    client.say("40{\"token\":\"\"}");
    let told = client.text_that(|text| text.starts_with("44"));
    assert_eq!(told, "44{\"message\":\"Authentication token required\"}");
    // RT-21: the key server does not answer, so nobody knows; the client may try again.
    let claims = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.\
                  eyJpc3MiOiJodHRwczovL2Rvd24uZXhhbXBsZSIsImF1ZCI6IngiLCJzdWIiOiJhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.\
                  c2lnbmF0dXJl";
    let mut client = Client::anonymous(&house);
    client.say(&format!("40{{\"token\":\"{claims}\"}}"));
    let (texts, ended) = client.rest(Duration::from_secs(15));
    assert!(ended, "it stays open");
    assert!(
        !texts.iter().any(|text| text.starts_with("44")),
        "{texts:?}"
    );
    nothing_stays(&mut house, 0);
}

/// A number that looks random and is the same in every run.
fn scattered(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[test]
fn random_changes_of_good_packets_never_end_the_process() {
    let mut house = open_house();
    let mut witness = Witness::of(&house);
    let unit = house.fact("unit_id");
    let good = [
        format!("42[\"subscribe:unit\",\"{unit}\"]"),
        format!("427[\"get:latest\",\"{unit}\"]"),
        "421[\"ping\"]".to_owned(),
        "42[\"auth:refresh\",{\"token\":\"a.b.c\"}]".to_owned(),
        format!(
            "40{{\"token\":\"{}\",\"lastSeq\":1}}",
            house.fact("owner_token")
        ),
        "451-[\"subscribe:unit\",{\"_placeholder\":true,\"num\":0}]".to_owned(),
    ];
    for round in 0..ROUNDS {
        let mut client = if round.is_multiple_of(4) {
            Client::anonymous(&house)
        } else {
            Client::connected(&house)
        };
        for change in 0..CHANGES {
            let seed = scattered(round * CHANGES + change);
            let base = &good[usize::try_from(seed % good.len() as u64).unwrap()];
            let mut bytes = base.clone().into_bytes();
            for step in 0..=seed % 3 {
                let dice = scattered(seed ^ step);
                let at = usize::try_from(dice % bytes.len() as u64).unwrap();
                match dice >> 60 {
                    0..=7 => bytes[at] = u8::try_from(dice >> 8 & 0xff).unwrap(),
                    8..=11 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, u8::try_from(dice >> 16 & 0xff).unwrap()),
                }
            }
            let first = if seed.is_multiple_of(10) { 0x82 } else { 0x81 };
            if !client.send(&frame(first, &bytes)) {
                break;
            }
        }
    }
    witness.is_served();
    nothing_stays(&mut house, 1);
}
