//! The rules of [`Inbox`].
//!
//! `freshtrack_ttn::inbox_contract!(fresh)` makes one test per rule; `fresh` is an async function that gives
//! an empty inbox with two tenants in it, and the tenants.

#![expect(
    clippy::missing_panics_doc,
    reason = "every rule panics when it is broken"
)]

use crate::event::{DeviceIdentity, EventKind, Network};
use crate::ids::ConnectionId;
use crate::key::{EventKey, RepeatGuard};
use crate::lenient::NanoInstant;
use crate::ports::{Inbox, InboxEntry, Stored};
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// An entry whose key is made of `key`.
#[must_use]
pub fn entry(key: u8) -> InboxEntry {
    InboxEntry {
        key: EventKey::from_bytes([key; 32]),
        guard: None,
        connection: ConnectionId::from_random([7; 16]),
        network: Network::TheThingsStack,
        kind: EventKind::Uplink,
        device: DeviceIdentity::default(),
        route: "uplink".to_owned(),
        hint: DeviceIdentity::default(),
        arrived_at: Timestamp::from_seconds(1_773_470_469),
        body: vec![b'{', b'}'],
        quarantine: None,
    }
}

fn guarded(key: u8, guard: u8, seconds: i64) -> InboxEntry {
    let time = NanoInstant::from_nanos((1_773_470_469 + seconds) * 1_000_000_000);
    let guard = RepeatGuard {
        digest: EventKey::from_bytes([guard; 32]),
        time,
    };
    InboxEntry {
        guard: Some(guard),
        ..entry(key)
    }
}

async fn stored(inbox: &dyn Inbox, org: OrgId, entry: &InboxEntry) -> Stored {
    match inbox.store(org, entry).await {
        Ok(stored) => stored,
        Err(error) => panic!("the inbox under test must be available: {error}"),
    }
}

/// A key is new once.
pub async fn a_key_is_new_once(inbox: &dyn Inbox, org: OrgId, _other: OrgId) {
    assert_eq!(stored(inbox, org, &entry(1)).await, Stored::New);
    assert_eq!(
        stored(inbox, org, &entry(1)).await,
        Stored::Duplicate,
        "the second time"
    );
    assert_eq!(
        stored(inbox, org, &entry(2)).await,
        Stored::New,
        "another key"
    );
}

/// What one tenant stored is new to another.
pub async fn tenants_do_not_see_each_other(inbox: &dyn Inbox, org: OrgId, other: OrgId) {
    assert_eq!(stored(inbox, org, &guarded(1, 1, 0)).await, Stored::New);
    assert_eq!(
        stored(inbox, other, &guarded(1, 1, 0)).await,
        Stored::New,
        "same key, other tenant"
    );
}

/// Another key with the same guard is a duplicate up to ten minutes away, in both directions.
pub async fn a_guard_holds_ten_minutes(inbox: &dyn Inbox, org: OrgId, _other: OrgId) {
    assert_eq!(stored(inbox, org, &guarded(1, 1, 0)).await, Stored::New);
    assert_eq!(
        stored(inbox, org, &guarded(2, 1, 600)).await,
        Stored::Duplicate,
        "ten minutes on"
    );
    assert_eq!(
        stored(inbox, org, &guarded(3, 1, -600)).await,
        Stored::Duplicate,
        "ten before"
    );
    assert_eq!(
        stored(inbox, org, &guarded(4, 2, 0)).await,
        Stored::New,
        "another guard"
    );
    assert_eq!(
        stored(inbox, org, &guarded(5, 1, 1_201)).await,
        Stored::New,
        "beyond the window"
    );
}

/// Entries without a guard repeat nothing but their own key.
pub async fn no_guard_matches_no_guard(inbox: &dyn Inbox, org: OrgId, _other: OrgId) {
    assert_eq!(stored(inbox, org, &entry(1)).await, Stored::New);
    assert_eq!(stored(inbox, org, &entry(2)).await, Stored::New);
}

/// One test per rule of [`Inbox`]; see the module.
#[macro_export]
macro_rules! inbox_contract {
    ($fresh:path) => {
        $crate::inbox_contract!(@rules $fresh;
            a_key_is_new_once
            tenants_do_not_see_each_other
            a_guard_holds_ten_minutes
            no_guard_matches_no_guard
        );
    };
    (@rules $fresh:path; $($rule:ident)+) => {$(
        #[tokio::test]
        async fn $rule() {
            let (inbox, org, other) = $fresh().await;
            $crate::testkit::inbox::$rule(&inbox, org, other).await;
        }
    )+};
}
