//! Mailbox, hub and resume against a model: whatever a client does, and whenever it is cut off, it ends
//! with every ordered event that concerns it exactly once, or with a fresh picture that covers it.

use crate::world::{Client, Seen, World, place, request, returning};
use freshtrack_realtime::ports::Snapshot;
use freshtrack_realtime::testkit::sample::{alert_raised, org, reading, readings};
use freshtrack_realtime::{ResumeRequest, Start, decide, replayed_body};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Step {
    /// An alert is committed on node 0 or 1.
    Alert(usize),
    /// An alert is committed and the process dies before it is published.
    Unpublished,
    /// A reading is committed.
    Reading,
    /// The client reads so many messages.
    Read(u8),
    /// The client is cut off and returns to node 0 or 1.
    Return(usize),
    /// The bus goes away, or comes back.
    Bus(bool),
    /// Time passes.
    Wait(u16),
    /// Old events are forgotten.
    Prune,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..2_usize).prop_map(Step::Alert),
        1 => Just(Step::Unpublished),
        2 => Just(Step::Reading),
        4 => (0..8_u8).prop_map(Step::Read),
        2 => (0..2_usize).prop_map(Step::Return),
        1 => any::<bool>().prop_map(Step::Bus),
        3 => (0..700_u16).prop_map(Step::Wait),
        1 => Just(Step::Prune),
    ]
}

/// What the client knows: events it saw, and how far snapshots cover the rest.
#[derive(Default)]
struct Model {
    seen: BTreeSet<i64>,
    covered: i64,
    highest: i64,
    restarted: bool,
}

impl Model {
    fn see(&mut self, message: &Seen) -> Result<(), TestCaseError> {
        match message.event {
            "connection:ack" if !self.restarted => {
                self.covered = message.seq();
                self.restarted = true;
            }
            "resync" if message.seq() >= 0 => {
                self.covered = self.covered.max(message.seq());
                self.highest = self.highest.max(message.seq());
            }
            "alert:triggered" => {
                let seq = message.seq();
                prop_assert!(self.seen.insert(seq), "{seq} came twice");
                prop_assert!(seq > self.highest, "{seq} after {}", self.highest);
                self.highest = seq;
            }
            _ => {}
        }
        Ok(())
    }
}

fn read(client: &mut Client, model: &mut Model, most: usize) -> Result<(), TestCaseError> {
    for message in client.at_once(most) {
        model.see(&message)?;
    }
    Ok(())
}

async fn play(steps: Vec<Step>, mailbox: usize) -> Result<(), TestCaseError> {
    let world = World::new();
    let nodes = [0, 1].map(|_| world.node(|config| config.mailbox.messages_max = mailbox));
    let mut client = nodes[0].connect(request(org(1))).await;
    let (mut model, mut alerts) = (Model::default(), BTreeSet::new());
    let snapshot = |seq| Snapshot {
        seq,
        units: Vec::new(),
        alerts: Vec::new(),
    };
    let mut head = 0;
    for step in steps {
        match step {
            Step::Alert(node) => {
                head = nodes[node].emit(alert_raised(org(1), place(1), 1)).await;
                alerts.insert(head);
            }
            Step::Unpublished => {
                head = world.history.commit(alert_raised(org(1), place(1), 1)).seq;
                alerts.insert(head);
            }
            Step::Reading => {
                head = nodes[0]
                    .emit(readings(org(1), place(1), &[reading(1, 1)]))
                    .await;
            }
            Step::Read(most) => read(&mut client, &mut model, most.into())?,
            Step::Return(node) => {
                let wanted = client
                    .last_seq
                    .map_or_else(|| request(org(1)), |n| returning(org(1), n));
                client = nodes[node].returned(client, wanted).await;
            }
            Step::Bus(true) => world.bus.come_back(),
            Step::Bus(false) => world
                .bus
                .go_down(freshtrack_realtime::testkit::sample::at(0)),
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis.into())).await,
            Step::Prune => world.history.prune(org(1), head - 5),
        }
        world.state.set_snapshot(org(1), snapshot(head));
    }
    world.bus.come_back();
    // Whoever was closed for reading too slowly comes back, as clients do.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_secs(15)).await;
        read(&mut client, &mut model, usize::MAX)?;
        if !client.closed {
            break;
        }
        let wanted = client
            .last_seq
            .map_or_else(|| request(org(1)), |n| returning(org(1), n));
        client = nodes[0].returned(client, wanted).await;
    }
    let missing: Vec<_> = alerts
        .iter()
        .filter(|seq| **seq > model.covered && !model.seen.contains(seq))
        .collect();
    prop_assert!(
        missing.is_empty(),
        "lost {missing:?}, covered to {}",
        model.covered
    );
    prop_assert!(model.seen.iter().all(|seq| alerts.contains(seq)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rt_24_no_run_loses_or_repeats_an_ordered_event(
        steps in proptest::collection::vec(step(), 0..80),
        mailbox in 2..40_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(play(steps, mailbox))?;
    }

    #[test]
    fn a_replay_is_promised_only_where_the_history_reaches(
        last in 0..3_000_i64, oldest in 1..3_000_i64, kept in 0..3_000_i64,
    ) {
        let head = oldest + kept - 1;
        let asked = ResumeRequest {
            last_seq: freshtrack_realtime::LastSeq::At(last),
            ..ResumeRequest::default()
        };
        match decide(&asked, "e", oldest, head) {
            Start::Replay { from } => {
                prop_assert_eq!(from, last);
                prop_assert!(last + 1 >= oldest && last <= head && head - last <= 1_000);
            }
            Start::Resync(_) => {
                prop_assert!(last == 0 || last > head || last + 1 < oldest || head - last > 1_000);
            }
            Start::Live => prop_assert!(false, "it said where it was"),
        }
    }

    #[test]
    fn the_replay_mark_adds_one_member_and_changes_nothing(keys in proptest::collection::btree_map("[a-z]{1,6}", any::<i32>(), 0..5)) {
        let mut object = serde_json::json!(keys);
        let marked = replayed_body(&object.to_string().into());
        object["replayed"] = true.into();
        let parsed: serde_json::Value = serde_json::from_slice(&marked).expect("JSON");
        prop_assert_eq!(parsed, object);
    }
}
