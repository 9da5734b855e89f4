//! Waiting for work: interest is registered before looking, so no wake-up is lost.

use crate::job::{Lane, QueueName};
use crate::ports::{ClaimRequest, Claimed, QueueError};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Never sleep shorter than this between two looks: a due instant may lie a microsecond ahead.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// One bell per queue and lane of this process.
#[derive(Debug, Default)]
pub(crate) struct Wakeups(Mutex<HashMap<(QueueName, Lane), Arc<Notify>>>);

impl Wakeups {
    pub(crate) fn bell(&self, queue: &QueueName, lane: Lane) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry((queue.clone(), lane)).or_default())
    }

    pub(crate) fn ring(&self, queue: &QueueName, lane: Lane) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&(queue.clone(), lane)) {
            bell.notify_waiters();
        }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn ring_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_waiters());
    }

    pub(crate) fn ring_queue(&self, queue: &QueueName) {
        for lane in Lane::ALL {
            self.ring(queue, lane);
        }
    }
}

/// Result of one look.
pub(crate) enum Look {
    Found(Vec<Claimed>),
    /// Nothing may start now; perhaps at `next`.
    Nothing {
        next: Option<Timestamp>,
    },
}

/// Looks until something is found, the wait is over or the request is stopped.
pub(crate) async fn claim_when_due<F, Fut>(
    request: &ClaimRequest,
    wakeups: &Wakeups,
    poll: Duration,
    look: F,
) -> Result<Vec<Claimed>, QueueError>
where
    F: Fn(Timestamp) -> Fut + Send,
    Fut: Future<Output = Result<Look, QueueError>> + Send,
{
    let begun = Instant::now();
    let bell = wakeups.bell(&request.queue, request.lane);
    loop {
        let mut rung = std::pin::pin!(bell.notified());
        rung.as_mut().enable();
        if request.stop.is_cancelled() {
            return Ok(Vec::new());
        }
        let now = request.now + span(begun.elapsed());
        let next = match look(now).await? {
            Look::Found(jobs) => return Ok(jobs),
            Look::Nothing { next } => next,
        };
        let left = request.wait.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(Vec::new());
        }
        let due_in = next.map_or(poll, |next| (next - now).to_duration().max(PAUSE_MIN));
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep(left.min(poll).min(due_in)) => {}
            () = request.stop.cancelled() => return Ok(Vec::new()),
        }
    }
}

/// A duration as a span.
pub(crate) fn span(duration: Duration) -> Span {
    Span::from_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}
