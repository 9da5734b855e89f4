//! Laws of [`Bus`].

use crate::envelope::Envelope;
use crate::ports::{Bus, BusItem, BusState, BusStream, PUBLISH_MAX};
use crate::testkit::sample;
use freshtrack_core::ids::OrgId;
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for something that must come.
const SOON: Duration = Duration::from_secs(5);
/// How long nothing must come.
const QUIET: Duration = Duration::from_millis(150);

/// One test per law: `bus_contract!(fresh)`, `fresh` an `async fn() -> Option<impl Bus>`.
#[macro_export]
macro_rules! bus_contract {
    ($fresh:path) => {
        $crate::bus_contract!($fresh;
            what_is_published_arrives_whole,
            events_of_an_organization_keep_their_order,
            a_subscriber_gets_its_organizations_and_no_others,
            every_subscriber_gets_every_event,
            nothing_published_before_the_subscription_arrives,
            publishing_to_nobody_succeeds_in_time,
            a_dropped_subscription_disturbs_nobody,
            a_bus_that_works_says_so,
        );
    };
    ($fresh:path; $($law:ident,)+) => {$(
        #[tokio::test]
        async fn $law() {
            match $fresh().await {
                Some(bus) => $crate::testkit::bus::$law(bus).await,
                None => $crate::testkit::skip(stringify!($law)),
            }
        }
    )+};
}

fn alerts(org: OrgId, seqs: std::ops::RangeInclusive<i64>) -> Vec<Arc<Envelope>> {
    seqs.map(|seq| {
        let mut event = sample::alert_raised(org, (sample::site(1), sample::unit(1)), 1);
        event.seq = seq;
        Arc::new(sample::envelope(&event))
    })
    .collect()
}

async fn publish(bus: &impl Bus, envelopes: &[Arc<Envelope>]) {
    let done = bus.publish(envelopes).await;
    assert!(done.is_ok(), "a bus that is up takes events: {done:?}");
}

/// The next event; an adapter may say at any time that something may have been missed.
async fn next(stream: &mut BusStream) -> Arc<Envelope> {
    loop {
        match tokio::time::timeout(SOON, stream.next()).await {
            Ok(Some(BusItem::Envelope(envelope))) => return envelope,
            Ok(Some(BusItem::Interrupted(_))) => {}
            Ok(None) => unreachable!("a subscription must not end while the bus exists"),
            Err(_) => unreachable!("an event published while up must arrive"),
        }
    }
}

async fn nothing(stream: &mut BusStream, why: &str) {
    while let Ok(Some(item)) = tokio::time::timeout(QUIET, stream.next()).await {
        assert!(matches!(item, BusItem::Interrupted(_)), "{why}: {item:?}");
    }
}

/// Name, payload, audience, readings and control come out as they went in.
pub async fn what_is_published_arrives_whole(bus: impl Bus) {
    let (org, place) = (sample::org(1), (sample::site(1), sample::unit(1)));
    let mut stream = bus.subscribe(&[org]).await;
    let mut readings = sample::readings(org, place, &[sample::reading(1, 1)]);
    readings.seq = 2;
    let mut silent = sample::event(
        org,
        freshtrack_core::event::EventKind::MembershipChanged,
        place,
        serde_json::json!({"user_id": sample::user(1), "change": "removed"}),
    );
    silent.seq = 3;
    let mut sent = alerts(org, 1..=1);
    sent.push(Arc::new(sample::envelope(&readings)));
    sent.push(Arc::new(sample::envelope(&silent)));
    publish(&bus, &sent).await;
    for envelope in sent {
        assert_eq!(next(&mut stream).await, envelope);
    }
}

/// Order of publication is order of arrival.
pub async fn events_of_an_organization_keep_their_order(bus: impl Bus) {
    let org = sample::org(1);
    let mut stream = bus.subscribe(&[org]).await;
    for chunk in alerts(org, 1..=200).chunks(7) {
        publish(&bus, chunk).await;
    }
    for expected in 1..=200 {
        assert_eq!(next(&mut stream).await.seq, expected);
    }
}

/// No event of organization A reaches a subscriber of B.
pub async fn a_subscriber_gets_its_organizations_and_no_others(bus: impl Bus) {
    let mut two = bus.subscribe(&[sample::org(2), sample::org(3)]).await;
    for org in 1..=4 {
        publish(&bus, &alerts(sample::org(org), 1..=1)).await;
    }
    let mut got = [next(&mut two).await.org, next(&mut two).await.org];
    got.sort_unstable();
    assert_eq!(got, [sample::org(2), sample::org(3)]);
    nothing(&mut two, "events of other organizations must not arrive").await;
}

/// Nobody takes an event away from somebody else.
pub async fn every_subscriber_gets_every_event(bus: impl Bus) {
    let org = sample::org(1);
    let mut first = bus.subscribe(&[org]).await;
    let mut second = bus.subscribe(&[org]).await;
    publish(&bus, &alerts(org, 1..=3)).await;
    for seq in 1..=3 {
        assert_eq!(next(&mut first).await.seq, seq);
        assert_eq!(next(&mut second).await.seq, seq);
    }
}

/// There is no replay: that is what the history is for.
pub async fn nothing_published_before_the_subscription_arrives(bus: impl Bus) {
    let org = sample::org(1);
    publish(&bus, &alerts(org, 1..=2)).await;
    let mut stream = bus.subscribe(&[org]).await;
    publish(&bus, &alerts(org, 3..=3)).await;
    assert_eq!(next(&mut stream).await.seq, 3);
}

/// Without subscribers nothing fails and nothing blocks.
pub async fn publishing_to_nobody_succeeds_in_time(bus: impl Bus) {
    let began = tokio::time::Instant::now();
    publish(&bus, &alerts(sample::org(1), 1..=50)).await;
    let slack = Duration::from_millis(100);
    assert!(
        began.elapsed() <= PUBLISH_MAX + slack,
        "publish must not block"
    );
}

/// One reader leaving does not end or slow another.
pub async fn a_dropped_subscription_disturbs_nobody(bus: impl Bus) {
    let org = sample::org(1);
    let gone = bus.subscribe(&[org]).await;
    let mut stays = bus.subscribe(&[org]).await;
    drop(gone);
    publish(&bus, &alerts(org, 1..=20)).await;
    for seq in 1..=20 {
        assert_eq!(next(&mut stays).await.seq, seq);
    }
}

/// Status tells the truth while nothing is wrong.
pub async fn a_bus_that_works_says_so(bus: impl Bus) {
    publish(&bus, &alerts(sample::org(1), 1..=1)).await;
    let status = bus.status();
    assert_eq!(status.state, BusState::Up);
    assert_eq!(status.reconnects, 0, "it never went away");
}
