//! RT-4: ids of another organization in every field, over every transport, while that organization lives.

use super::raw::{Client, http};
use super::{nothing_stays, open_house, stamp};
use crate::house::House;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Makes the other organization move: readings, an alert, a new site.
fn live(house: &House, other: &Value) {
    let key = other["api_key"].as_str().unwrap();
    let unit = other["unit_id"].as_str().unwrap();
    let readings: Vec<Value> = [3_600, 3_000, 2_400, 1_800, 1_200, 600, 1]
        .map(|ago| json!({"unit_id": unit, "recorded_at": stamp(ago * 1_000), "temperature": 15}))
        .into();
    let body = json!({ "readings": readings }).to_string();
    let headers = [("x-api-key", key), ("content-type", "application/json")];
    let (head, answer) = http(
        house.address(),
        "POST",
        "/api/v1/ingest/readings",
        &headers,
        &body,
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head} {answer}");
    let bearer = format!("Bearer {}", other["owner_token"].as_str().unwrap());
    let path = format!(
        "/api/v1/organizations/{}/sites",
        other["organization_id"].as_str().unwrap()
    );
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let (head, _) = http(
        house.address(),
        "POST",
        &path,
        &headers,
        r#"{"name":"Secret annex"}"#,
    );
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
}

/// Nothing that names the other organization, except a client's own words sent back in a refusal.
fn says_nothing_of(other: &Value, said: &[String]) {
    for name in [
        "organization_id",
        "site_id",
        "area_id",
        "unit_id",
        "owner_id",
    ] {
        let id = other[name].as_str().unwrap();
        for text in said.iter().filter(|text| text.contains(id)) {
            assert!(
                text.contains("subscription:error"),
                "{name} of the neighbour in {text}"
            );
        }
    }
    assert!(!said.iter().any(|text| text.contains("Secret")), "{said:?}");
}

#[test]
fn rt_04_foreign_ids_in_every_field_say_nothing_over_socket_io() {
    let mut house = open_house();
    let other = house.neighbour();
    let id = |name: &str| other[name].as_str().unwrap().to_owned();
    let mut client = Client::connected(&house);
    let mut asked = 0;
    for name in ["organization_id", "site_id", "unit_id", "area_id"] {
        for event in [
            "subscribe:site",
            "subscribe:unit",
            "subscribe:organization",
            "get:latest",
            "unsubscribe:site",
            "unsubscribe:unit",
        ] {
            asked += 1;
            client.say(&format!("42{asked}[\"{event}\",\"{}\"]", id(name)));
            std::thread::park_timeout(Duration::from_millis(60));
        }
    }
    live(&house, &other);
    let (said, ended) = client.rest(Duration::from_secs(3));
    assert!(!ended, "{said:?}");
    says_nothing_of(&other, &said);
    let granted: Vec<_> = said
        .iter()
        .filter(|text| text.starts_with("43") && text.contains("\"ok\":true"))
        .collect();
    // Leaving a room one is not in is fine; joining is not.
    assert_eq!(granted.len(), 8, "{granted:?}");
    // The handshake itself: a foreign organization is refused like an unknown one.
    let mut asked = Client::anonymous(&house);
    let (token, org) = (house.fact("owner_token"), id("organization_id"));
    asked.say(&format!(
        "40{{\"token\":\"{token}\",\"organizationId\":\"{org}\",\"lastSeq\":0}}"
    ));
    let told = asked.text_that(|text| text.starts_with("44"));
    assert_eq!(told, "44{\"message\":\"User has no organization access\"}");
    drop((asked, client));
    nothing_stays(&mut house, 0);
}

#[test]
fn rt_04_foreign_ids_in_every_field_say_nothing_over_the_stream() {
    let mut house = open_house();
    let other = house.neighbour();
    let id = |name: &str| other[name].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {}", house.fact("owner_token"));
    let headers = [("authorization", bearer.as_str())];
    for query in ["organization_id", "site_id", "unit_id"] {
        let path = format!("/api/v1/stream?{query}={}&since=0", id(query));
        let refused = Client::upgrade(house.address(), &path, &headers).map(|_| ());
        assert!(refused.unwrap_err().starts_with("HTTP/1.1 404"), "{query}");
        let events = [headers[0], ("accept", "text/event-stream")];
        let (head, body) = http(house.address(), "GET", &path, &events, "");
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        says_nothing_of(&other, &[body]);
    }
    let mut client = Client::streaming(&house, "?since=0");
    let mut events = sse(&house, &bearer);
    for (n, name) in ["organization_id", "site_id", "unit_id"].iter().enumerate() {
        for op in ["subscribe", "latest"] {
            client.say(&json!({"id": n, "op": op, *name: id(name)}).to_string());
            std::thread::park_timeout(Duration::from_millis(60));
        }
    }
    live(&house, &other);
    let (said, ended) = client.rest(Duration::from_secs(3));
    assert!(!ended, "{said:?}");
    assert!(
        !said.iter().any(|text| text.contains("\"ok\":true")),
        "{said:?}"
    );
    says_nothing_of(&other, &said);
    let mut heard = vec![0; 256 * 1024];
    events
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let read = events.read(&mut heard).unwrap();
    let heard = String::from_utf8_lossy(&heard[..read]).into_owned();
    assert!(heard.contains("connection:ack"), "{heard}");
    says_nothing_of(&other, &[heard]);
    drop((client, events));
    nothing_stays(&mut house, 0);
}

/// Server-sent events, unread so far.
fn sse(house: &House, bearer: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    write!(
        stream,
        "GET /api/v1/stream?since=0 HTTP/1.1\r\nhost: test\r\nauthorization: {bearer}\r\n\
         accept: text/event-stream\r\n\r\n"
    )
    .unwrap();
    stream
}
