//! A graceful stop: nothing gathered is lost, and clients come back spread over time.

use crate::event::{Message, SeqEffect, ServerEvent};
use crate::hub::Hub;
use crate::hub::connection::CloseReason;
use crate::hub::mail::Mail;
use crate::jitter::scatter;
use crate::payload::ServerDraining;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Transports are closed in this many steps.
const SLICES: usize = 50;

impl Hub {
    /// Steps 2 to 5 of a stop: refuses new connections, closes windows, says goodbye, waits for
    /// mailboxes (at most 5 s), closes transports in slices (over at most 5 s).
    ///
    /// Afterwards cancel [`run`](Self::run). Answers how many connections were closed.
    pub async fn drain(&self) -> usize {
        let began = Instant::now();
        let mails = self.say_goodbye();
        self.wait_for_mailboxes(&mails).await;
        self.close_in_slices(&mails).await;
        self.shared.counters.drain.record(began.elapsed());
        mails.len()
    }

    fn say_goodbye(&self) -> Vec<Arc<Mail>> {
        let now = Instant::now();
        let shared = &self.shared;
        let mut registry = shared.registry();
        registry.draining = true;
        let windows = registry.coalescer.flush();
        registry.deliver_batches(shared, windows, now);
        let spread = u64::try_from(shared.config.reconnect_spread.as_millis()).unwrap_or(u64::MAX);
        let mut mails = Vec::new();
        for (id, entry) in registry.orgs.values().flat_map(|org| &org.connections) {
            let payload = ServerDraining {
                reconnect_after_ms: scatter(shared.config.seed ^ id.0) % spread.saturating_add(1),
            };
            let message = Message::direct(ServerEvent::ServerDraining, &payload, SeqEffect::Keep);
            entry.mail.put(Arc::new(message), now);
            mails.push(Arc::clone(&entry.mail));
        }
        mails
    }

    async fn wait_for_mailboxes(&self, mails: &[Arc<Mail>]) {
        let deadline = Instant::now() + self.shared.config.drain_mailboxes;
        while Instant::now() < deadline && mails.iter().any(|mail| !mail.is_empty()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn close_in_slices(&self, mails: &[Arc<Mail>]) {
        let slice = mails.len().div_ceil(SLICES).max(1);
        let slices = mails.len().div_ceil(slice).max(1);
        let pause = self.shared.config.drain_close / u32::try_from(slices).unwrap_or(u32::MAX);
        for (index, slice) in mails.chunks(slice).enumerate() {
            if index > 0 {
                tokio::time::sleep(pause).await;
            }
            for mail in slice {
                mail.close(CloseReason::Restart, None, Instant::now());
            }
        }
    }
}
