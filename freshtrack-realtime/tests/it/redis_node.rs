//! The bus on a real Redis, reached through a door that can be shut, left half open, and opened again.

use freshtrack_core::ids::OrgId;
use freshtrack_realtime::ports::{Bus as _, BusItem, BusState};
use freshtrack_realtime::redis::{RedisBus, RedisBusConfig};
use freshtrack_realtime::testkit::sample::{self, ManualClock, alert_raised, envelope, org};
use freshtrack_realtime::testkit::skip;
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where Redis is; nothing if there is none and none is required.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment says which backends there are"
)]
pub(crate) fn url() -> Option<String> {
    let url = std::env::var("FRESHTRACK_TEST_REDIS_URL")
        .ok()
        .filter(|url| !url.is_empty());
    let required = std::env::var("FRESHTRACK_REQUIRE_BACKENDS").is_ok_and(|v| v == "1");
    assert!(
        url.is_some() || !required,
        "FRESHTRACK_TEST_REDIS_URL is required"
    );
    url
}

pub(crate) struct RedisNode {
    pub(crate) bus: RedisBus,
    _stop: DropGuard,
}

impl RedisNode {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test owns its node and names its channels"
    )]
    pub(crate) fn connect(url: &str) -> Self {
        static TESTS: AtomicU64 = AtomicU64::new(0);
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970");
        let number = TESTS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("ft-test-{}-{number}", since.as_nanos());
        Self::with_prefix(url, &prefix)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test owns its node until it ends"
    )]
    pub(crate) fn with_prefix(url: &str, prefix: &str) -> Self {
        let mut config = RedisBusConfig::new(url, prefix);
        config.reconnect = (Duration::from_millis(20), Duration::from_millis(100));
        config.ping = (Duration::from_millis(300), Duration::from_millis(200));
        let clock = Arc::new(ManualClock::new(sample::at(0)));
        let bus = RedisBus::new(config, clock).expect("a URL");
        let stop = CancellationToken::new();
        let (running, ends) = (bus.clone(), stop.clone());
        drop(tokio::spawn(async move { running.run(ends).await }));
        Self {
            bus,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) async fn is_up(&self) {
        self.becomes(true).await;
    }

    async fn becomes(&self, up: bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while (self.bus.status().state == BusState::Up) != up {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{:?}",
                self.bus.status()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Open,
    /// Accepts and says nothing.
    Silent,
    Shut,
}

/// A way to Redis that can be taken away. Answers its URL.
#[expect(
    clippy::disallowed_methods,
    reason = "a test owns its proxy until it ends"
)]
async fn door(target: &str) -> (String, watch::Sender<Door>) {
    let target = target
        .trim_start_matches("redis://")
        .trim_end_matches('/')
        .to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}/", listener.local_addr().expect("an address"));
    let (handle, state) = watch::channel(Door::Open);
    drop(tokio::spawn(async move {
        while let Ok((inner, _)) = listener.accept().await {
            drop(tokio::spawn(pass(inner, target.clone(), state.clone())));
        }
    }));
    (url, handle)
}

async fn pass(mut inner: TcpStream, target: String, mut state: watch::Receiver<Door>) {
    if *state.borrow_and_update() == Door::Shut {
        return;
    }
    let Ok(mut outer) = TcpStream::connect(target).await else {
        return;
    };
    loop {
        if *state.borrow_and_update() == Door::Open {
            tokio::select! {
                _ = copy_bidirectional(&mut inner, &mut outer) => return,
                _ = state.changed() => {}
            }
        } else if *state.borrow() == Door::Shut || state.changed().await.is_err() {
            return;
        }
    }
}

async fn alert(node: &RedisNode, org: OrgId, seq: i64) -> bool {
    let mut event = alert_raised(org, (sample::site(1), sample::unit(1)), 1);
    event.seq = seq;
    let began = tokio::time::Instant::now();
    let sent = node.bus.publish(&[Arc::new(envelope(&event))]).await;
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "publish blocks no longer than 250 ms"
    );
    sent.is_ok()
}

#[tokio::test]
async fn an_outage_is_told_and_the_subscription_lives_on() {
    let Some(redis) = url() else {
        return skip("an_outage_is_told_and_the_subscription_lives_on");
    };
    for kind in [Door::Shut, Door::Silent] {
        let (url, door) = door(&redis).await;
        let node = RedisNode::connect(&url);
        node.is_up().await;
        let mut stream = node.bus.subscribe(&[org(1)]).await;
        assert!(alert(&node, org(1), 1).await);
        door.send_replace(kind);
        node.becomes(false).await;
        assert_eq!(
            node.bus.status().state,
            BusState::Down {
                since: sample::at(0)
            }
        );
        assert!(!alert(&node, org(1), 2).await, "a bus that is down says so");
        door.send_replace(Door::Open);
        node.is_up().await;
        assert_eq!(node.bus.status().reconnects, 1);
        assert!(alert(&node, org(1), 3).await);
        let (mut seqs, mut interruptions) = (Vec::new(), 0);
        while seqs.last() != Some(&3) {
            match tokio::time::timeout(Duration::from_secs(5), stream.next()).await {
                Ok(Some(BusItem::Envelope(envelope))) => seqs.push(envelope.seq),
                Ok(Some(BusItem::Interrupted(which))) => {
                    assert_eq!(which, org(1));
                    interruptions += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seqs, [1, 3]);
        assert!(
            interruptions >= 2,
            "told at the subscription and at the return"
        );
    }
}

#[tokio::test]
async fn a_bus_without_its_redis_starts_and_joins_in_when_it_appears() {
    let Some(redis) = url() else {
        return skip("a_bus_without_its_redis_starts_and_joins_in_when_it_appears");
    };
    let (url, door) = door(&redis).await;
    door.send_replace(Door::Shut);
    let node = RedisNode::connect(&url);
    let began = tokio::time::Instant::now();
    let mut stream = node.bus.subscribe(&[org(1)]).await;
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "a subscription does not wait for Redis"
    );
    door.send_replace(Door::Open);
    node.is_up().await;
    assert!(alert(&node, org(1), 1).await);
    loop {
        match tokio::time::timeout(Duration::from_secs(5), stream.next()).await {
            Ok(Some(BusItem::Envelope(envelope))) => break assert_eq!(envelope.seq, 1),
            Ok(Some(BusItem::Interrupted(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_url_is_never_shown() {
    let config = RedisBusConfig::new("redis://:hunter2@127.0.0.1:1/", "p");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(
        RedisBus::new(
            RedisBusConfig::new("no url", "p"),
            Arc::new(ManualClock::new(sample::at(0)))
        )
        .is_err()
    );
}
