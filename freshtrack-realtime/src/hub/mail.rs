//! A mailbox that can be waited on, and that adds to what the node holds.

use crate::event::Message;
use crate::hub::connection::{CloseReason, Outgoing};
use crate::mailbox::{Mailbox, MailboxLimits, Put};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Mail {
    queue: Mutex<Mailbox>,
    ready: Notify,
    /// Cancelled when the transport must end even if it is stuck in a write.
    pub(crate) abort: CancellationToken,
    node_bytes: Arc<AtomicUsize>,
}

impl Mail {
    pub(crate) fn new(
        limits: MailboxLimits,
        resume_from: i64,
        node_bytes: Arc<AtomicUsize>,
        now: Instant,
    ) -> Self {
        Self {
            queue: Mutex::new(Mailbox::new(limits, resume_from, now)),
            ready: Notify::new(),
            abort: CancellationToken::new(),
            node_bytes,
        }
    }

    /// Looks at or changes the queues, keeping the node's sum right.
    fn with<T>(&self, act: impl FnOnce(&mut Mailbox) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.bytes();
        let result = act(&mut queue);
        let after = queue.bytes();
        if after >= before {
            self.node_bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.node_bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
        result
    }

    pub(crate) fn put(&self, message: Arc<Message>, now: Instant) -> Put {
        let put = self.with(|queue| queue.put(message, now));
        self.ready.notify_one();
        put
    }

    pub(crate) fn put_first(&self, message: Arc<Message>, now: Instant) {
        self.with(|queue| queue.put_first(message, now));
        self.ready.notify_one();
    }

    pub(crate) fn hold(&self) {
        self.with(Mailbox::hold);
    }

    pub(crate) fn release(&self, to: i64) {
        self.with(|queue| queue.release(to));
        self.ready.notify_one();
    }

    pub(crate) fn close(&self, reason: CloseReason, farewell: Option<Message>, now: Instant) {
        self.with(|queue| queue.close(reason, farewell, now));
        self.ready.notify_one();
    }

    pub(crate) fn take(&self, now: Instant) -> Option<Outgoing> {
        self.with(|queue| queue.take(now))
    }

    pub(crate) async fn next(&self) -> Outgoing {
        loop {
            if let Some(out) = self.take(Instant::now()) {
                return out;
            }
            self.ready.notified().await;
        }
    }

    pub(crate) fn progressed(&self, now: Instant) {
        self.with(|queue| queue.progressed(now));
    }

    pub(crate) fn closing(&self) -> Option<(CloseReason, Instant)> {
        self.with(|queue| queue.closing())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.with(|queue| queue.is_empty())
    }

    /// Messages waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.with(|queue| queue.waiting())
    }

    /// Messages handed out and readings messages replaced, in the connection's whole life.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.with(|queue| queue.totals())
    }

    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.with(|queue| queue.oldest())
    }

    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        self.with(|queue| queue.stalled_since())
    }

    /// Gives up what waits, so that the node's sum forgets it.
    pub(crate) fn abandon(&self) {
        self.with(Mailbox::abandon);
    }
}
