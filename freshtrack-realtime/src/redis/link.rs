//! The listening connection: reconnects for ever, resubscribes, and tells readers what they may have
//! missed.

use super::bus::{Inner, Listener};
use crate::envelope::Envelope;
use crate::jitter::scatter;
use crate::ports::{BusItem, BusState};
use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{ErrorKind, RedisError, RedisResult, Value};
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

/// A connection up for this long begins again with the shortest wait.
const STEADY: Duration = Duration::from_secs(10);

pub(super) struct Link {
    inner: Arc<Inner>,
}

impl Link {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Never ends.
    pub(super) async fn run(&self) {
        let mut attempt = 0;
        loop {
            let began = Instant::now();
            let ended = self.once().await;
            self.went_down();
            if let Err(error) = ended {
                tracing::warn!(kind = ?error.kind(), attempt, "redis bus is down");
            }
            attempt = if began.elapsed() >= STEADY {
                0
            } else {
                attempt + 1
            };
            tokio::time::sleep(self.backoff(attempt)).await;
        }
    }

    /// One connection, from its first subscription to its end.
    async fn once(&self) -> RedisResult<()> {
        let pubsub = self.in_time(self.inner.client.get_async_pubsub()).await?;
        let (mut sink, mut stream) = pubsub.split();
        self.in_time(sink.ping::<Value>()).await?;
        self.follow(&mut sink).await?;
        self.came_up();
        self.serve(&mut sink, &mut stream).await
    }

    async fn serve(&self, sink: &mut PubSubSink, stream: &mut PubSubStream) -> RedisResult<()> {
        let every = self.inner.config.ping.0;
        let mut ping = tokio::time::interval_at(Instant::now() + every, every);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => {
                        let payload = Bytes::copy_from_slice(message.get_payload_bytes());
                        self.dispatch(message.get_channel_name(), &payload);
                    }
                    None => return Ok(()),
                },
                () = self.inner.changed.notified() => self.follow(sink).await?,
                _ = ping.tick() => {
                    // A half-dead connection neither fails nor delivers: only a question finds it.
                    self.in_time(sink.ping::<Value>()).await?;
                }
            }
        }
    }

    /// Makes the channels of this connection those that have readers.
    async fn follow(&self, sink: &mut PubSubSink) -> RedisResult<()> {
        let (missing, left) = {
            let mut state = self.inner.state();
            state.channels.retain(|_, listeners| {
                listeners.retain(|listener| !listener.queue.is_closed());
                !listeners.is_empty()
            });
            let wanted: HashSet<&String> = state.channels.keys().collect();
            let missing: Vec<String> = wanted
                .iter()
                .filter(|channel| !state.confirmed.contains(**channel))
                .map(|channel| (*channel).clone())
                .collect();
            let left: Vec<String> = state
                .confirmed
                .iter()
                .filter(|channel| !wanted.contains(channel))
                .cloned()
                .collect();
            (missing, left)
        };
        if !left.is_empty() {
            self.in_time(sink.unsubscribe(&left)).await?;
        }
        if !missing.is_empty() {
            self.in_time(sink.subscribe(&missing)).await?;
        }
        let mut state = self.inner.state();
        for channel in &left {
            state.confirmed.remove(channel);
        }
        for channel in missing {
            for listener in state.channels.get_mut(&channel).into_iter().flatten() {
                tell(listener, BusItem::Interrupted(listener.org));
            }
            state.confirmed.insert(channel);
        }
        drop(state);
        self.inner.settled.notify_waiters();
        Ok(())
    }

    fn dispatch(&self, channel: &str, payload: &Bytes) {
        let envelope = match Envelope::decode(payload) {
            Ok(envelope) => Some(Arc::new(envelope)),
            Err(error) => {
                // Another version wrote it: readers find the event in the history.
                tracing::warn!(%error, "an envelope from the bus cannot be read");
                None
            }
        };
        let mut state = self.inner.state();
        for listener in state.channels.get_mut(channel).into_iter().flatten() {
            // Only what belongs to the channel: a forged envelope stays with its own organization.
            let own = envelope
                .as_ref()
                .filter(|envelope| envelope.org == listener.org);
            let item = own.map_or(BusItem::Interrupted(listener.org), |envelope| {
                BusItem::Envelope(Arc::clone(envelope))
            });
            tell(listener, item);
        }
    }

    fn came_up(&self) {
        let mut state = self.inner.state();
        state.status.reconnects += u64::from(state.was_up);
        state.was_up = true;
        state.status.state = BusState::Up;
        drop(state);
        self.inner.settled.notify_waiters();
        tracing::info!("redis bus is up");
    }

    fn went_down(&self) {
        let now = self.inner.clock.now();
        // Most likely dead as well; if it is in use, its own deadline decides.
        if let Ok(mut publisher) = self.inner.publisher.try_lock() {
            *publisher = None;
        }
        let mut state = self.inner.state();
        state.confirmed.clear();
        if state.status.state == BusState::Up {
            state.status.state = BusState::Down { since: now };
        }
        drop(state);
        self.inner.settled.notify_waiters();
    }

    async fn in_time<T>(&self, ask: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        match tokio::time::timeout(self.inner.config.ping.1, ask).await {
            Ok(answer) => answer,
            Err(_) => Err(RedisError::from((ErrorKind::Io, "no answer in time"))),
        }
    }

    /// Doubles from the shortest to the longest wait; the upper half of each is random.
    fn backoff(&self, attempt: u32) -> Duration {
        let (shortest, longest) = self.inner.config.reconnect;
        let ceiling = shortest.saturating_mul(1 << attempt.min(16)).min(longest);
        let half = u64::try_from(ceiling.as_micros() / 2).unwrap_or(u64::MAX);
        let random = scatter(self.inner.config.seed ^ u64::from(attempt)) % half.saturating_add(1);
        (Duration::from_micros(half) + Duration::from_micros(random)).max(shortest)
    }
}

/// Gives a reader an item; one that is too slow is told later that it missed something.
fn tell(listener: &mut Listener, item: BusItem) {
    if listener.lagged {
        if listener
            .queue
            .try_send(BusItem::Interrupted(listener.org))
            .is_err()
        {
            return;
        }
        listener.lagged = false;
    }
    if let Err(TrySendError::Full(_)) = listener.queue.try_send(item) {
        listener.lagged = true;
    }
}
