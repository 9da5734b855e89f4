//! The bus on Redis publish/subscribe: one channel per organization.
//!
//! Publishing goes over one connection, listening over another ([`link`](super::link)). Neither call
//! ever waits for Redis longer than its bound, whatever state Redis is in.

use super::link::Link;
use crate::envelope::Envelope;
use crate::ports::{Bus, BusError, BusItem, BusKind, BusState, BusStatus, BusStream, PUBLISH_MAX};
use async_trait::async_trait;
use freshtrack_core::ids::OrgId;
use freshtrack_core::ports::Clock;
use futures_util::stream;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Events a slow subscriber may be behind before it has to read the history.
const QUEUE: usize = 4_096;
/// How long nothing is published after a publication that took too long.
const REST: Duration = Duration::from_secs(1);

/// Where Redis is and how patient the bus is with it.
#[derive(Clone)]
pub struct RedisBusConfig {
    /// May hold a password and is never shown.
    url: String,
    /// First part of every channel name, so that installations can share a Redis.
    pub prefix: String,
    /// Seed of the jitter of reconnects.
    pub seed: u64,
    /// Shortest and longest wait before a reconnect.
    pub reconnect: (Duration, Duration),
    /// How often a listening connection is tried, and how long an answer may take.
    pub ping: (Duration, Duration),
}

impl std::fmt::Debug for RedisBusConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBusConfig")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl RedisBusConfig {
    /// A Redis at `redis://…`, with the bounds of the specification: 100 ms…5 s between attempts, a ping every 5 s within 2 s.
    #[must_use]
    pub fn new(url: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: prefix.into(),
            seed: 0,
            reconnect: (Duration::from_millis(100), Duration::from_secs(5)),
            ping: (Duration::from_secs(5), Duration::from_secs(2)),
        }
    }
}

/// The URL is not one of a Redis.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis URL")]
pub struct RedisBusError(#[source] RedisError);

pub(super) struct Listener {
    pub(super) org: OrgId,
    pub(super) queue: mpsc::Sender<BusItem>,
    /// Set when the queue was full, until the reader could be told.
    pub(super) lagged: bool,
}

pub(super) struct State {
    /// By channel; one without listeners is left at the next look.
    pub(super) channels: HashMap<String, Vec<Listener>>,
    pub(super) status: BusStatus,
    /// Channels Redis has confirmed on the present connection.
    pub(super) confirmed: HashSet<String>,
    pub(super) was_up: bool,
}

pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) config: RedisBusConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) changed: Notify,
    /// Told whenever subscriptions or the link changed.
    pub(super) settled: Notify,
    state: Mutex<State>,
    pub(super) publisher: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    /// Nothing is published until then, because the last attempt took too long.
    rest_until: Mutex<Option<Instant>>,
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) {
        let mut until = self
            .rest_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REST);
    }

    fn rests(&self) -> bool {
        let until = self
            .rest_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn channel(&self, org: OrgId) -> String {
        format!("{}:rt:{org}", self.config.prefix)
    }
}

/// Events between nodes over Redis. Cheap to clone; all clones are the same bus.
#[derive(Clone)]
pub struct RedisBus {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBus")
            .field("status", &self.status())
            .finish()
    }
}

impl RedisBus {
    /// A bus that connects as soon as [`run`](Self::run) is polled; down until then.
    ///
    /// # Errors
    /// If the URL is not one. Whether a Redis answers there is the status' business.
    pub fn new(config: RedisBusConfig, clock: Arc<dyn Clock>) -> Result<Self, RedisBusError> {
        let client = Client::open(config.url.as_str()).map_err(RedisBusError)?;
        let status = BusStatus {
            kind: BusKind::Redis,
            state: BusState::Down { since: clock.now() },
            reconnects: 0,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                config,
                clock,
                changed: Notify::new(),
                settled: Notify::new(),
                state: Mutex::new(State {
                    channels: HashMap::new(),
                    confirmed: HashSet::new(),
                    status,
                    was_up: false,
                }),
                publisher: tokio::sync::Mutex::new(None),
                rest_until: Mutex::new(None),
            }),
        })
    }

    /// Keeps the listening connection, for ever, until `stop` is cancelled. The caller owns the task.
    pub async fn run(&self, stop: CancellationToken) {
        let link = Link::new(Arc::clone(&self.inner));
        tokio::select! {
            () = stop.cancelled() => {}
            () = link.run() => {}
        }
    }

    /// Waits until Redis has confirmed these channels, as long as it is up and for a moment at most.
    async fn confirmed(&self, channels: &[String]) {
        let wait = async {
            loop {
                let settled = self.inner.settled.notified();
                tokio::pin!(settled);
                settled.as_mut().enable();
                {
                    let state = self.inner.state();
                    let down = state.status.state != BusState::Up;
                    if down || channels.iter().all(|c| state.confirmed.contains(c)) {
                        return;
                    }
                }
                settled.await;
            }
        };
        if tokio::time::timeout(PUBLISH_MAX, wait).await.is_err() {
            tracing::debug!("a subscription takes long; its reader will be told what it missed");
        }
    }

    async fn send(&self, pipeline: Pipeline) -> Result<(), RedisError> {
        let mut held = self.inner.publisher.lock().await;
        // A connection that failed, or was abandoned half way by the deadline, is not used again.
        if let Some(mut connection) = held.take()
            && pipeline.exec_async(&mut connection).await.is_ok()
        {
            *held = Some(connection);
            return Ok(());
        }
        // The held one may have died unseen. Sending again may repeat, which readers expect.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PUBLISH_MAX))
            .set_response_timeout(Some(PUBLISH_MAX));
        let client = &self.inner.client;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        pipeline.exec_async(&mut connection).await?;
        *held = Some(connection);
        Ok(())
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn publish(&self, envelopes: &[Arc<Envelope>]) -> Result<(), BusError> {
        if self.status().state != BusState::Up {
            return Err(BusError("redis is down".into()));
        }
        if self.inner.rests() {
            return Err(BusError("redis has just not answered in time".into()));
        }
        let mut pipeline = Pipeline::new();
        for envelope in envelopes {
            let bytes = envelope.encode().map_err(|error| BusError(error.into()))?;
            pipeline
                .publish(self.inner.channel(envelope.org), bytes)
                .ignore();
        }
        match tokio::time::timeout(PUBLISH_MAX, self.send(pipeline)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(BusError(error.into())),
            Err(late) => {
                // Half dead: until the link has found out, the next events do not wait for it as well.
                self.inner.rest();
                Err(BusError(late.into()))
            }
        }
    }

    async fn subscribe(&self, organizations: &[OrgId]) -> BusStream {
        let (queue, reader) = mpsc::channel(QUEUE);
        let channels: Vec<_> = organizations
            .iter()
            .map(|org| self.inner.channel(*org))
            .collect();
        {
            let mut state = self.inner.state();
            for (org, channel) in organizations.iter().zip(&channels) {
                let listener = Listener {
                    org: *org,
                    queue: queue.clone(),
                    lagged: false,
                };
                state
                    .channels
                    .entry(channel.clone())
                    .or_default()
                    .push(listener);
            }
        }
        drop(queue);
        self.inner.changed.notify_one();
        self.confirmed(&channels).await;
        let subscription = Subscription {
            inner: Arc::clone(&self.inner),
            reader,
        };
        Box::pin(stream::unfold(
            subscription,
            |mut subscription| async move {
                let item = subscription.reader.recv().await?;
                Some((item, subscription))
            },
        ))
    }

    fn status(&self) -> BusStatus {
        self.inner.state().status
    }
}

struct Subscription {
    inner: Arc<Inner>,
    reader: mpsc::Receiver<BusItem>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // The link sees the closed queue and leaves the channel.
        self.reader.close();
        self.inner.changed.notify_one();
    }
}
