//! The bus between nodes: Redis where one is configured, else this process alone.

use freshtrack_core::ports::Clock;
use freshtrack_realtime::memory::MemoryBus;
use freshtrack_realtime::ports::Bus;
#[cfg(feature = "redis")]
use freshtrack_realtime::redis::{RedisBus, RedisBusConfig};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// First part of the channel names; organizations are told apart by their ids.
#[cfg(feature = "redis")]
const PREFIX: &str = "freshtrack";

/// The bus of a process, and what keeps it going.
#[derive(Clone)]
pub(super) enum NodeBus {
    /// One node.
    Alone(Arc<MemoryBus>),
    /// Several nodes over Redis.
    #[cfg(feature = "redis")]
    Redis(RedisBus),
}

impl NodeBus {
    /// A bus as configured. Whether a Redis answers is the status' business, not the start's.
    ///
    /// # Errors
    /// If the URL cannot be used, or this build has no Redis.
    pub(super) fn new(redis: Option<&str>, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let Some(url) = redis else {
            return Ok(Self::Alone(Arc::new(MemoryBus::default())));
        };
        #[cfg(feature = "redis")]
        {
            use anyhow::Context;
            let mut config = RedisBusConfig::new(url, PREFIX);
            config.seed = u64::try_from(clock.now().as_micros()).unwrap_or_default();
            let bus = RedisBus::new(config, Arc::clone(clock)).context("setting up the bus")?;
            Ok(Self::Redis(bus))
        }
        #[cfg(not(feature = "redis"))]
        {
            let _ = (url, clock);
            anyhow::bail!("`redis` is set, but this build has no Redis")
        }
    }

    /// As the hub wants it.
    pub(super) fn port(&self) -> Arc<dyn Bus> {
        match self {
            Self::Alone(bus) => Arc::clone(bus) as Arc<dyn Bus>,
            #[cfg(feature = "redis")]
            Self::Redis(bus) => Arc::new(bus.clone()),
        }
    }

    /// Keeps the connection until the stop.
    pub(super) fn run(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self {
            Self::Alone(_) => {
                let _ = (tasks, stop);
            }
            #[cfg(feature = "redis")]
            Self::Redis(bus) => {
                let (bus, stop) = (bus.clone(), stop.clone());
                tasks.spawn(async move { bus.run(stop).await });
            }
        }
    }
}
