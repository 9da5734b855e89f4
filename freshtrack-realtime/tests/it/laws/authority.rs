//! RT-15, RT-16 as far as the hub goes, RT-26.

use crate::world::{Got, Node, World, place, request};
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::OrgId;
use freshtrack_core::principal::Role;
use freshtrack_core::time::Span;
use freshtrack_realtime::testkit::sample::{
    alert_raised, api_key, at, event, org, site, state_changed, unit, user,
};
use freshtrack_realtime::{CloseReason, Principal, Topic};
use serde_json::{Value, json};
use std::time::Duration;

async fn emit(node: &Node, org: OrgId, kind: EventKind, payload: Value) {
    let mut change = event(org, kind, place(1), payload);
    if kind == EventKind::MembershipChanged || kind == EventKind::ApiKeyChanged {
        (change.site, change.unit) = (None, None);
    }
    node.emit(change).await;
}

#[tokio::test(start_paused = true)]
async fn rt_15_a_removed_member_is_told_and_closed_on_both_nodes_within_a_second() {
    let world = World::new();
    let nodes = [world.node(|_| {}), world.node(|_| {})];
    for bus_up in [true, false] {
        let mut removed = Vec::new();
        let mut others = Vec::new();
        for node in &nodes {
            removed.push(node.connect(request(org(1))).await);
            let mut other = request(org(1));
            other.principal = Principal::User(user(2));
            others.push(node.connect(other).await);
        }
        for client in removed.iter_mut().chain(&mut others) {
            client.next().await;
        }
        if !bus_up {
            world.bus.go_down(at(0));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = tokio::time::Instant::now();
        let change = json!({"user_id": user(1), "change": "removed"});
        emit(&nodes[0], org(1), EventKind::MembershipChanged, change).await;
        for client in &mut removed {
            let told = client.next().await;
            assert_eq!(
                (told.event, &told.data["reason"]),
                ("auth:revoked", &"member_removed".into())
            );
            assert_eq!(
                client.next_or_close().await,
                Got::Closed(CloseReason::Revoked)
            );
        }
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}, bus up: {bus_up}",
            began.elapsed()
        );
        for client in &mut others {
            assert!(
                client.all_within(Duration::from_secs(1)).await.is_empty(),
                "others stay"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rt_15_a_revoked_key_and_an_archived_organization_end_their_connections() {
    let node = Node::alone();
    let mut with_key = request(org(1));
    with_key.principal = Principal::ApiKey(api_key(1));
    let mut key = node.connect(with_key).await;
    let mut person = node.connect(request(org(1))).await;
    let change = json!({"api_key_id": api_key(1), "change": "revoked"});
    emit(&node, org(1), EventKind::ApiKeyChanged, change).await;
    assert_eq!(
        key.until("auth:revoked").await.data["reason"],
        "key_revoked"
    );
    node.emit(alert_raised(org(1), place(1), 1)).await;
    person.until("alert:triggered").await;
    let change = json!({"entity": "organization", "id": org(1), "change": "archived"});
    emit(&node, org(1), EventKind::PlaceChanged, change).await;
    assert_eq!(
        person.until("auth:revoked").await.data["reason"],
        "organization_archived"
    );
    assert_eq!(
        person.next_or_close().await,
        Got::Closed(CloseReason::Revoked)
    );
}

#[tokio::test(start_paused = true)]
async fn rt_15_a_changed_role_is_told_and_the_connection_stays() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    let change = json!({"user_id": user(1), "change": "role_changed", "role": "admin"});
    emit(&node, org(1), EventKind::MembershipChanged, change).await;
    assert_eq!(client.until("auth:changed").await.data["role"], "admin");
    node.hub.change_role(org(1), user(1), Role::Admin);
    node.emit(alert_raised(org(1), place(1), 1)).await;
    assert_eq!(
        client.next().await.event,
        "alert:triggered",
        "told once, and alive"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_15_an_archived_unit_leaves_its_room_and_says_so() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.ask("subscribe:unit", &json!(unit(1))).await;
    let change = json!({"entity": "unit", "id": unit(1), "change": "archived"});
    emit(&node, org(1), EventKind::PlaceChanged, change).await;
    let told = client.until("subscription:error").await;
    assert_eq!(told.data["entityId"], json!(unit(1)));
    assert_eq!(told.data["code"], "access_denied");
    assert!(
        !node
            .hub
            .is_in(org(1), client.connection.id, Topic::Unit(unit(1)))
    );
    assert_eq!(
        client.until("entity:changed").await.data["change"],
        "archived"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_15_the_second_wall_finds_what_no_event_told() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    node.world
        .membership
        .leave(Principal::User(user(1)), org(1));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(client.connection.outlet.try_next().is_none());
    assert_eq!(client.next().await.event, "auth:revoked");
}

#[tokio::test(start_paused = true)]
async fn rt_16_a_token_that_ends_is_announced_and_then_closes_without_finality() {
    let node = Node::alone();
    let mut wanted = request(org(1));
    wanted.expires_at = Some(at(120));
    let mut client = node.connect(wanted).await;
    client.next().await;
    assert!(client.all_within(Duration::from_secs(2)).await.is_empty());
    node.world.clock.advance(Span::from_seconds(60));
    let told = client.next().await;
    assert_eq!(told.event, "auth:expiring");
    assert_eq!(told.data["expiresAt"], "2026-03-14T06:42:00.000Z");
    node.world.clock.advance(Span::from_seconds(89));
    assert!(
        client.all_within(Duration::from_secs(2)).await.is_empty(),
        "honoured to the skew"
    );
    node.world.clock.advance(Span::from_seconds(1));
    assert_eq!(client.next().await.event, "auth:expired");
    assert_eq!(
        client.next_or_close().await,
        Got::Closed(CloseReason::Expired)
    );
    assert!(!CloseReason::Expired.is_final() && CloseReason::Revoked.is_final());
}

#[tokio::test(start_paused = true)]
async fn rt_16_a_refreshed_token_of_the_same_person_carries_on() {
    let node = Node::alone();
    let mut wanted = request(org(1));
    wanted.expires_at = Some(at(30));
    let mut client = node.connect(wanted).await;
    client.next().await;
    assert_eq!(
        client.next().await.event,
        "auth:expiring",
        "less than a minute left: at once"
    );
    let me = Principal::User(user(1));
    let stranger = Principal::User(user(2));
    let commands = &mut client.connection.commands;
    for (who, whose, ok) in [
        (stranger, org(1), false),
        (me, org(2), false),
        (me, org(1), true),
    ] {
        let answer = commands.refreshed(who, whose, at(600));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["ok"], ok);
        if ok {
            assert_eq!(answer["expiresAt"], "2026-03-14T06:50:00.000Z");
        }
    }
    node.world.clock.advance(Span::from_seconds(120));
    assert!(
        client.all_within(Duration::from_secs(2)).await.is_empty(),
        "the old end is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn rt_26_every_status_change_is_one_message_and_state_means_group() {
    let node = Node::alone();
    let mut client = node.connect(request(org(1))).await;
    client.next().await;
    for (statuses, groups, name) in [
        (
            ("ok", "excursion"),
            ("normal", "warning"),
            "unit:state:changed",
        ),
        (
            ("excursion", "manual_required"),
            ("warning", "warning"),
            "unit:status:changed",
        ),
        (
            ("manual_required", "alarm_active"),
            ("warning", "critical"),
            "unit:state:changed",
        ),
        (
            ("restoring", "ok"),
            ("normal", "normal"),
            "unit:status:changed",
        ),
    ] {
        let seq = node
            .emit(state_changed(org(1), place(1), statuses, groups))
            .await;
        let seen = client.next().await;
        assert_eq!((seen.event, seen.seq()), (name, seq));
        let expected = json!({
            "unitId": unit(1), "siteId": site(1), "previousState": groups.0, "newState": groups.1,
            "previousStatus": statuses.0, "status": statuses.1, "reason": "reading",
            "timestamp": "2026-03-14T06:40:00.000Z", "seq": seq,
        });
        assert_eq!(seen.data, expected);
        let equal = seen.data["previousState"] == seen.data["newState"];
        assert_eq!(equal, name == "unit:status:changed");
    }
    assert!(client.all_within(Duration::from_secs(1)).await.is_empty());
}
