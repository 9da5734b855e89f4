//! The memory adapters keep the contracts of their ports.

#![expect(clippy::unused_async, reason = "other adapters wait for their backend")]

mod bus {
    async fn fresh() -> Option<freshtrack_realtime::memory::MemoryBus> {
        Some(freshtrack_realtime::memory::MemoryBus::new())
    }
    freshtrack_realtime::bus_contract!(fresh);
}

mod event_history {
    use async_trait::async_trait;
    use freshtrack_core::event::OutboxEvent;
    use freshtrack_core::ids::OrgId;
    use freshtrack_realtime::memory::MemoryHistory;
    use freshtrack_realtime::ports::EventHistory;
    use freshtrack_realtime::testkit::event_history::HistoryUnderTest;

    struct Adapter(MemoryHistory);

    #[async_trait]
    impl HistoryUnderTest for Adapter {
        fn history(&self) -> &dyn EventHistory {
            &self.0
        }
        async fn commit(&self, event: OutboxEvent) {
            self.0.commit(event);
        }
        async fn prune(&self, org: OrgId, oldest: i64) {
            self.0.prune(org, oldest);
        }
    }

    async fn fresh() -> Option<Adapter> {
        Some(Adapter(MemoryHistory::new()))
    }
    freshtrack_realtime::event_history_contract!(fresh);
}

mod membership {
    use async_trait::async_trait;
    use freshtrack_core::ids::OrgId;
    use freshtrack_core::principal::Role;
    use freshtrack_realtime::memory::MemoryMembership;
    use freshtrack_realtime::ports::Membership;
    use freshtrack_realtime::testkit::membership::MembershipUnderTest;
    use freshtrack_realtime::{Principal, Topic};

    struct Adapter(MemoryMembership);

    #[async_trait]
    impl MembershipUnderTest for Adapter {
        fn membership(&self) -> &dyn Membership {
            &self.0
        }
        async fn join(&self, principal: Principal, org: OrgId, role: Role) {
            self.0.join(principal, org, role);
        }
        async fn leave(&self, principal: Principal, org: OrgId) {
            self.0.leave(principal, org);
        }
        async fn add_place(&self, org: OrgId, topic: Topic) {
            self.0.add_place(org, topic);
        }
        async fn archive_place(&self, org: OrgId, topic: Topic) {
            self.0.archive_place(org, topic);
        }
    }

    async fn fresh() -> Option<Adapter> {
        Some(Adapter(MemoryMembership::new()))
    }
    freshtrack_realtime::membership_contract!(fresh);
}

mod live_state {
    use async_trait::async_trait;
    use freshtrack_core::ids::OrgId;
    use freshtrack_realtime::LatestReading;
    use freshtrack_realtime::memory::MemoryState;
    use freshtrack_realtime::ports::LiveState;
    use freshtrack_realtime::testkit::live_state::LiveStateUnderTest;

    struct Adapter(MemoryState);

    #[async_trait]
    impl LiveStateUnderTest for Adapter {
        fn state(&self) -> &dyn LiveState {
            &self.0
        }
        async fn store_latest(&self, org: OrgId, reading: LatestReading) {
            self.0.set_latest(org, reading);
        }
    }

    async fn fresh() -> Option<Adapter> {
        Some(Adapter(MemoryState::new()))
    }
    freshtrack_realtime::live_state_contract!(fresh);
}

#[cfg(feature = "redis")]
mod redis_bus {
    use crate::redis_node::RedisNode;
    use async_trait::async_trait;
    use freshtrack_core::ids::OrgId;
    use freshtrack_realtime::Envelope;
    use freshtrack_realtime::ports::{Bus, BusError, BusStatus, BusStream};
    use std::sync::Arc;

    #[async_trait]
    impl Bus for RedisNode {
        async fn publish(&self, envelopes: &[Arc<Envelope>]) -> Result<(), BusError> {
            self.bus.publish(envelopes).await
        }
        async fn subscribe(&self, organizations: &[OrgId]) -> BusStream {
            self.bus.subscribe(organizations).await
        }
        fn status(&self) -> BusStatus {
            self.bus.status()
        }
    }

    async fn fresh() -> Option<RedisNode> {
        let node = RedisNode::connect(&crate::redis_node::url()?);
        node.is_up().await;
        Some(node)
    }
    freshtrack_realtime::bus_contract!(fresh);
}
