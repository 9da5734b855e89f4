//! Every law of a contract suite is seen failing on an adapter that breaks just that law.

use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::principal::Role;
use freshtrack_realtime::memory::{MemoryBus, MemoryHistory, MemoryMembership, MemoryState};
use freshtrack_realtime::ports::{
    Bus, BusError, BusItem, BusState, BusStatus, BusStream, EventHistory, HistoryBounds,
    HistoryPage, LiveState, Membership, Snapshot, Standing,
};
use freshtrack_realtime::testkit::event_history::HistoryUnderTest;
use freshtrack_realtime::testkit::live_state::LiveStateUnderTest;
use freshtrack_realtime::testkit::membership::MembershipUnderTest;
use freshtrack_realtime::testkit::{bus, event_history, live_state, membership, sample};
use freshtrack_realtime::{Envelope, LatestReading, Principal, Topic};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;

/// One test per broken law.
macro_rules! caught {
    ($($law:path => $name:ident: $saboteur:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        #[should_panic]
        #[expect(clippy::should_panic_without_expect, reason = "each law has its own words")]
        async fn $name() {
            $law($saboteur).await;
        }
    )+};
}

#[derive(Clone, Copy, PartialEq)]
enum BusSabotage {
    LosesControl,
    Reverses,
    MixesTenants,
    TakesTurns,
    Replays,
    Blocks,
    EndsWithTheFirstReader,
    Lies,
}

struct BadBus {
    bus: MemoryBus,
    how: BusSabotage,
    all: std::sync::Mutex<Vec<Arc<Envelope>>>,
    subscribed: std::sync::atomic::AtomicUsize,
}

fn bad_bus(how: BusSabotage) -> BadBus {
    BadBus {
        bus: MemoryBus::new(),
        how,
        all: std::sync::Mutex::default(),
        subscribed: std::sync::atomic::AtomicUsize::new(0),
    }
}

#[async_trait]
impl Bus for BadBus {
    async fn publish(&self, envelopes: &[Arc<Envelope>]) -> Result<(), BusError> {
        let mut sent = envelopes.to_vec();
        match self.how {
            BusSabotage::LosesControl => {
                for envelope in &mut sent {
                    *envelope = Arc::new(envelope.as_ref().clone().with_control(None));
                }
            }
            BusSabotage::Reverses => sent.reverse(),
            BusSabotage::Blocks => tokio::time::sleep(Duration::from_secs(1)).await,
            _ => {}
        }
        self.all
            .lock()
            .expect("unpoisoned")
            .extend(sent.iter().cloned());
        self.bus.publish(&sent).await
    }

    async fn subscribe(&self, organizations: &[OrgId]) -> BusStream {
        let number = self
            .subscribed
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let everybody: Vec<_> = (1..=4).map(sample::org).collect();
        let stream = match self.how {
            BusSabotage::MixesTenants => self.bus.subscribe(&everybody).await,
            _ => self.bus.subscribe(organizations).await,
        };
        match self.how {
            BusSabotage::Replays => {
                let all = self.all.lock().expect("unpoisoned").clone();
                let old = futures_util::stream::iter(all.into_iter().map(BusItem::Envelope));
                old.chain(stream).boxed()
            }
            BusSabotage::TakesTurns => stream
                .filter(move |item| {
                    let mine = match item {
                        BusItem::Envelope(e) => e.seq % 2 == i64::from(number == 0),
                        BusItem::Interrupted(_) => true,
                    };
                    std::future::ready(mine)
                })
                .boxed(),
            BusSabotage::EndsWithTheFirstReader if number > 0 => stream.take(0).boxed(),
            _ => stream,
        }
    }

    fn status(&self) -> BusStatus {
        let mut status = self.bus.status();
        if self.how == BusSabotage::Lies {
            status.state = BusState::Down {
                since: sample::at(0),
            };
        }
        status
    }
}

caught! {
    bus::what_is_published_arrives_whole => a_bus_that_loses_control_is_caught: bad_bus(BusSabotage::LosesControl);
    bus::events_of_an_organization_keep_their_order => a_bus_that_reverses_is_caught: bad_bus(BusSabotage::Reverses);
    bus::a_subscriber_gets_its_organizations_and_no_others => a_bus_that_mixes_tenants_is_caught: bad_bus(BusSabotage::MixesTenants);
    bus::every_subscriber_gets_every_event => a_bus_that_takes_turns_is_caught: bad_bus(BusSabotage::TakesTurns);
    bus::nothing_published_before_the_subscription_arrives => a_bus_that_replays_is_caught: bad_bus(BusSabotage::Replays);
    bus::publishing_to_nobody_succeeds_in_time => a_bus_that_blocks_is_caught: bad_bus(BusSabotage::Blocks);
    bus::a_dropped_subscription_disturbs_nobody => a_bus_that_ends_with_its_first_reader_is_caught: bad_bus(BusSabotage::EndsWithTheFirstReader);
    bus::a_bus_that_works_says_so => a_bus_that_lies_is_caught: bad_bus(BusSabotage::Lies);
}

#[derive(Clone, Copy, PartialEq)]
enum HistorySabotage {
    CountsFromZero,
    Descends,
    IgnoresTheLimit,
    ForgetsTheTenant,
    ForgetsPruning,
    FailsBeyondTheHead,
}

struct BadHistory(MemoryHistory, HistorySabotage);

#[async_trait]
impl EventHistory for BadHistory {
    async fn since(&self, org: OrgId, after: i64, limit: u16) -> Result<HistoryPage, StoreError> {
        let tenant = if self.1 == HistorySabotage::ForgetsTheTenant {
            sample::org(1)
        } else {
            org
        };
        let limit = if self.1 == HistorySabotage::IgnoresTheLimit {
            1_000
        } else {
            limit
        };
        let mut page = self.0.since(tenant, after, limit).await?;
        match self.1 {
            HistorySabotage::Descends => page.events.reverse(),
            HistorySabotage::ForgetsPruning => page.bounds.oldest = 1,
            HistorySabotage::FailsBeyondTheHead if after >= page.bounds.head => {
                return Err(StoreError::Missing { what: "event" });
            }
            _ => {}
        }
        Ok(page)
    }

    async fn head(&self, org: OrgId) -> Result<HistoryBounds, StoreError> {
        let mut bounds = self.0.head(org).await?;
        if self.1 == HistorySabotage::CountsFromZero && bounds.head == 0 {
            bounds.head = -1;
        }
        Ok(bounds)
    }
}

struct HistoryAdapter(BadHistory);

#[async_trait]
impl HistoryUnderTest for HistoryAdapter {
    fn history(&self) -> &dyn EventHistory {
        &self.0
    }
    async fn commit(&self, event: OutboxEvent) {
        self.0.0.commit(event);
    }
    async fn prune(&self, org: OrgId, oldest: i64) {
        self.0.0.prune(org, oldest);
    }
}

fn bad_history(how: HistorySabotage) -> HistoryAdapter {
    HistoryAdapter(BadHistory(MemoryHistory::new(), how))
}

caught! {
    event_history::an_empty_history_has_bounds => a_history_that_counts_from_zero_is_caught: bad_history(HistorySabotage::CountsFromZero);
    event_history::events_come_ascending_without_a_hole => a_history_that_descends_is_caught: bad_history(HistorySabotage::Descends);
    event_history::a_page_holds_at_most_its_limit_and_the_next_goes_on => a_history_without_limit_is_caught: bad_history(HistorySabotage::IgnoresTheLimit);
    event_history::organizations_do_not_see_each_other => a_history_of_everybody_is_caught: bad_history(HistorySabotage::ForgetsTheTenant);
    event_history::a_pruned_history_says_what_it_still_has => a_history_that_forgets_pruning_is_caught: bad_history(HistorySabotage::ForgetsPruning);
    event_history::reading_beyond_the_head_is_empty_not_an_error => a_history_that_fails_at_its_head_is_caught: bad_history(HistorySabotage::FailsBeyondTheHead);
}

#[derive(Clone, Copy, PartialEq)]
enum MembershipSabotage {
    NewestFirst,
    IgnoresTheWish,
    LetsStrangersIn,
    SeesEverything,
    KeepsArchived,
    KeepsEverybody,
}

struct BadMembership(MemoryMembership, MembershipSabotage);

#[async_trait]
impl Membership for BadMembership {
    async fn resolve(
        &self,
        principal: Principal,
        wanted: Option<OrgId>,
    ) -> Result<Option<Standing>, StoreError> {
        match self.1 {
            MembershipSabotage::NewestFirst => {
                self.0.resolve(principal, Some(sample::org(1))).await
            }
            MembershipSabotage::IgnoresTheWish => self.0.resolve(principal, None).await,
            MembershipSabotage::LetsStrangersIn => {
                self.0
                    .resolve(Principal::User(sample::user(1)), wanted)
                    .await
            }
            _ => self.0.resolve(principal, wanted).await,
        }
    }

    async fn may_see(
        &self,
        principal: Principal,
        org: OrgId,
        topic: Topic,
    ) -> Result<bool, StoreError> {
        match self.1 {
            MembershipSabotage::SeesEverything | MembershipSabotage::KeepsArchived => Ok(true),
            _ => self.0.may_see(principal, org, topic).await,
        }
    }

    async fn still_valid(
        &self,
        org: OrgId,
        principals: &[Principal],
    ) -> Result<Vec<Principal>, StoreError> {
        match self.1 {
            MembershipSabotage::KeepsEverybody => Ok(principals.to_vec()),
            _ => self.0.still_valid(org, principals).await,
        }
    }
}

struct MembershipAdapter(BadMembership);

#[async_trait]
impl MembershipUnderTest for MembershipAdapter {
    fn membership(&self) -> &dyn Membership {
        &self.0
    }
    async fn join(&self, principal: Principal, org: OrgId, role: Role) {
        self.0.0.join(principal, org, role);
    }
    async fn leave(&self, principal: Principal, org: OrgId) {
        self.0.0.leave(principal, org);
    }
    async fn add_place(&self, org: OrgId, topic: Topic) {
        self.0.0.add_place(org, topic);
    }
    async fn archive_place(&self, org: OrgId, topic: Topic) {
        self.0.0.archive_place(org, topic);
    }
}

fn bad_membership(how: MembershipSabotage) -> MembershipAdapter {
    MembershipAdapter(BadMembership(MemoryMembership::new(), how))
}

caught! {
    membership::without_a_wish_the_oldest_membership_answers_every_time => a_fickle_choice_is_caught: bad_membership(MembershipSabotage::NewestFirst);
    membership::a_wish_is_granted_only_to_members => an_ignored_wish_is_caught: bad_membership(MembershipSabotage::IgnoresTheWish);
    membership::strangers_and_unknown_organizations_answer_the_same => an_open_door_is_caught: bad_membership(MembershipSabotage::LetsStrangersIn);
    membership::members_see_living_places_of_their_organization_only => seeing_everything_is_caught: bad_membership(MembershipSabotage::SeesEverything);
    membership::an_archived_place_is_not_seen => seeing_what_is_archived_is_caught: bad_membership(MembershipSabotage::KeepsArchived);
    membership::only_members_stay_valid => keeping_everybody_is_caught: bad_membership(MembershipSabotage::KeepsEverybody);
}

struct BadState(MemoryState);

#[async_trait]
impl LiveState for BadState {
    async fn snapshot(&self, org: OrgId) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.0.snapshot(org).await?;
        snapshot.seq += 1;
        Ok(snapshot)
    }
    async fn latest(&self, _: OrgId, unit: UnitId) -> Result<Option<LatestReading>, StoreError> {
        self.0.latest(sample::org(1), unit).await
    }
}

struct StateAdapter(BadState);

#[async_trait]
impl LiveStateUnderTest for StateAdapter {
    fn state(&self) -> &dyn LiveState {
        &self.0
    }
    async fn store_latest(&self, org: OrgId, reading: LatestReading) {
        self.0.0.set_latest(org, reading);
    }
}

caught! {
    live_state::an_unknown_organization_has_an_empty_snapshot => a_snapshot_of_the_future_is_caught: StateAdapter(BadState(MemoryState::new()));
    live_state::the_latest_reading_is_the_organizations_own => a_latest_of_everybody_is_caught: StateAdapter(BadState(MemoryState::new()));
}
