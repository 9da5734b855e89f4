//! RT-2 and RT-14 as far as the hub goes: whatever a client says, the answer is typed.

use crate::world::{Got, Node, World, place, request};
use freshtrack_realtime::testkit::sample::{alert_raised, org, site, unit};
use freshtrack_realtime::{Answer, CloseReason};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn rt_02_no_argument_ends_the_connection() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let arguments = [
        "",
        "null",
        "5",
        "[]",
        "{}",
        "\"\"",
        "\"x\"",
        "{\"token\":5}",
        "{",
        "\u{0}",
        &deep,
    ];
    for event in [
        "subscribe:site",
        "subscribe:unit",
        "subscribe:organization",
        "unsubscribe:site",
        "unsubscribe:unit",
        "unsubscribe:organization",
        "get:latest",
        "ping",
        "auth:refresh",
        "nonsense",
    ] {
        for argument in arguments.iter().map(|a| Some(*a)).chain([None]) {
            client.connection.commands.handle(event, argument).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
            while let Some(out) = client.connection.outlet.try_next() {
                assert!(
                    !matches!(out, freshtrack_realtime::Outgoing::Close(_)),
                    "{event} {argument:?}"
                );
            }
        }
    }
    let seq = node.emit(alert_raised(org(1), place(1), 1)).await;
    assert_eq!(
        client.next().await.seq(),
        seq,
        "still in the organization's room"
    );
}

#[tokio::test(start_paused = true)]
async fn ping_answers_the_servers_time() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    assert_eq!(
        client.ask("ping", &Value::Null).await,
        json!(1_773_470_400_000_i64)
    );
}

#[tokio::test(start_paused = true)]
async fn foreign_unknown_and_malformed_ids_are_denied_alike_and_told() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let long = "x".repeat(500);
    for (event, id, entity) in [
        ("subscribe:site", json!(site(77)), "site"),
        ("subscribe:unit", json!(unit(77)), "unit"),
        ("subscribe:unit", json!(long), "unit"),
        ("subscribe:organization", json!(org(2)), "organization"),
        ("unsubscribe:organization", json!(org(2)), "organization"),
    ] {
        let denied = json!({"ok": false, "code": "access_denied", "message": "Access denied"});
        assert_eq!(client.ask(event, &id).await, denied);
        let told = client.next().await;
        assert_eq!(told.event, "subscription:error");
        assert_eq!(told.data["entity"], entity);
        assert_eq!(told.data["message"], "Access denied");
        let echoed = told.data["entityId"].as_str().expect("text");
        assert!(echoed.len() <= 64 && id.as_str().expect("text").starts_with(echoed));
    }
    let answer = client.ask("subscribe:site", &json!(5)).await;
    assert_eq!(answer["code"], "invalid_argument");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_not_a_denial() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    node.world.membership.set_available(false);
    let answer = client.ask("subscribe:site", &json!(site(1))).await;
    assert_eq!(answer["code"], "unavailable");
}

#[tokio::test(start_paused = true)]
async fn subscriptions_have_a_bound_that_repeats_do_not_use_up() {
    let node = World::new().node(|config| config.subscriptions_max = 2);
    let mut client = node.connect(request(org(1))).await;
    for id in [unit(1), unit(1), unit(2), unit(2)] {
        assert_eq!(client.ask("subscribe:unit", &json!(id)).await["ok"], true);
    }
    assert_eq!(
        client.ask("subscribe:unit", &json!(unit(3))).await["code"],
        "limit_reached"
    );
    client.ask("unsubscribe:unit", &json!(unit(1))).await;
    assert_eq!(
        client.ask("subscribe:unit", &json!(unit(3))).await["ok"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn rt_14_a_flood_is_refused_and_constant_excess_closes() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let mut accepted = 0;
    for _ in 0..100 {
        let answer = client.ask("subscribe:unit", &json!(unit(1))).await;
        accepted += u32::from(answer["ok"] == true);
    }
    assert_eq!(accepted, 40, "the burst");
    let error = client.next().await;
    assert_eq!(
        (error.event, &error.data["code"]),
        ("error", &"rate_limited".into())
    );
    for _ in 0..2_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        client.connection.commands.handle("ping", None).await;
        while client
            .connection
            .outlet
            .try_next()
            .is_some_and(|out| !matches!(out, freshtrack_realtime::Outgoing::Close(_)))
        {}
    }
    assert_eq!(
        client.next_or_close().await,
        Got::Closed(CloseReason::RateLimited)
    );
}

#[tokio::test(start_paused = true)]
async fn rt_14_an_argument_over_64_kib_closes() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    let huge = format!("\"{}\"", "x".repeat(64 * 1024));
    let answer = client
        .connection
        .commands
        .handle("get:latest", Some(&huge))
        .await;
    assert_eq!(answer, Answer::Nothing);
    assert_eq!(
        client.next_or_close().await,
        Got::Closed(CloseReason::Malformed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_hands_the_token_to_the_transport_and_never_shows_it() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    let argument = json!({"token": "secret"}).to_string();
    let answer = client
        .connection
        .commands
        .handle("auth:refresh", Some(&argument))
        .await;
    assert!(!format!("{answer:?}").contains("secret"));
    let Answer::Refresh(token) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(token.expose(), "secret");
    let refused = client.connection.commands.refresh_refused("Token expired");
    let refused: Value = serde_json::from_slice(&refused).expect("JSON");
    assert_eq!(refused, json!({"ok": false, "message": "Token expired"}));
}
