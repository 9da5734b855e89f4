//! The official `socket.io-client` against the real binary.
//!
//! Each test starts a server of its own and runs one scenario of `client/`. Without Node the tests say
//! SKIP; with `FRESHTRACK_REQUIRE_BACKENDS=1` they fail instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::print_stdout,
    reason = "tests tell what they skip and what scenarios say"
)]

mod hostile;
mod house;
mod node;
mod redis;

use house::House;

fn play(scenario: &str) {
    let Some(node) = node::installed() else {
        return;
    };
    let mut house = House::build();
    house.start();
    node.run(scenario, &mut house);
}

#[test]
fn rt_21_refusals_are_worded_as_clients_expect_byte_for_byte() {
    play("refusals.mjs");
}

#[test]
fn rt_01_rt_02_a_session_survives_every_wrong_question_and_receives_each_event_once() {
    play("session.mjs");
}

#[test]
fn rt_20_an_alert_is_told_from_its_start_to_its_end_live_and_replayed() {
    play("alerts.mjs");
}

#[test]
fn rt_05_rt_10_a_graceful_restart_loses_and_repeats_nothing() {
    play("restart.mjs");
}

#[test]
fn rt_12_a_killed_server_loses_and_repeats_nothing() {
    play("crash.mjs");
}

#[test]
fn rt_25_every_transport_tells_the_same() {
    play("transports.mjs");
}

#[test]
fn rt_27_the_example_client_compiles_strictly_and_keeps_its_promises() {
    let Some(node) = node::live_client() else {
        return;
    };
    let mut house = House::build();
    house.start();
    node.run("live_client.mjs", &mut house);
}

#[test]
fn rt_18_bounds_and_organizations_are_told_apart() {
    let Some(node) = node::installed() else {
        return;
    };
    let mut house = House::build();
    house.set("FRESHTRACK_HANDSHAKES_PER_ADDRESS", "1000");
    house.start();
    house.facts_of_neighbour("owner@kitchen.example");
    node.run("limits.mjs", &mut house);
}

#[test]
fn rt_15_rt_16_changed_rights_and_ended_tokens_act_on_open_connections() {
    play("authority.mjs");
}

#[test]
fn rt_06_rt_07_two_nodes_tell_the_same_whatever_happens_to_redis() {
    let Some(node) = node::installed() else {
        return;
    };
    let mut house = House::build();
    if house.start_two() {
        node.run("nodes.mjs", &mut house);
    }
}

/// Plays a scenario with a fault that it must notice.
fn notices(saboteur: &str, scenario: &str) {
    let Some(node) = node::installed() else {
        return;
    };
    let mut house = House::build();
    house.start();
    let passed = node.plays(scenario, saboteur, &mut house);
    assert!(!passed, "{scenario} did not notice the fault `{saboteur}`");
}

#[test]
fn saboteur_events_that_arrive_twice_are_noticed() {
    notices("twice", "alerts.mjs");
}

#[test]
fn saboteur_a_forgotten_event_is_noticed() {
    notices("forgets", "restart.mjs");
}

#[test]
fn saboteur_events_out_of_order_are_noticed() {
    notices("reorders", "alerts.mjs");
}

#[test]
fn saboteur_readings_without_their_time_are_noticed() {
    notices("timeless", "session.mjs");
}

#[test]
fn saboteur_a_state_that_did_not_change_is_noticed() {
    notices("equal", "alerts.mjs");
}

#[test]
fn saboteur_silence_is_noticed() {
    notices("mute", "session.mjs");
}

#[test]
fn saboteur_other_words_of_refusal_are_noticed() {
    notices("words", "refusals.mjs");
}

#[test]
fn saboteur_a_late_revocation_is_noticed() {
    notices("late", "authority.mjs");
}

#[test]
fn saboteur_a_final_end_of_a_token_is_noticed() {
    notices("final", "authority.mjs");
}
