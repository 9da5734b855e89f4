//! The task that listens for notifications and rings this process's bells.

use super::CHANNEL;
use crate::job::{Lane, QueueName};
use crate::wakeups::Wakeups;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Pause before listening again after the connection was lost; the poll works meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// Ends the task when the last owner is gone.
#[derive(Debug)]
pub(super) struct Listener {
    _stop: DropGuard,
    _owner: TaskTracker,
}

impl Listener {
    pub(super) fn start(pool: PgPool, wakeups: Arc<Wakeups>) -> Self {
        let stop = CancellationToken::new();
        let owner = TaskTracker::new();
        let stopped = stop.clone();
        owner.spawn(async move {
            tokio::select! {
                () = listen(pool, &wakeups) => {}
                () = stopped.cancelled() => {}
            }
        });
        Self {
            _stop: stop.drop_guard(),
            _owner: owner,
        }
    }
}

async fn listen(pool: PgPool, wakeups: &Wakeups) {
    loop {
        if let Err(error) = ring_until_lost(&pool, wakeups).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "not listening");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn ring_until_lost(pool: &PgPool, wakeups: &Wakeups) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // What was notified before this moment was missed.
    wakeups.ring_all();
    while let Some(notification) = listener.try_recv().await? {
        if let Some((queue, lane)) = parse(notification.payload()) {
            wakeups.ring(&queue, lane);
        }
    }
    Ok(())
}

fn parse(payload: &str) -> Option<(QueueName, Lane)> {
    let (queue, lane) = payload.split_once('/')?;
    Some((
        QueueName::new(queue).ok()?,
        Lane::from_stored(lane.parse().ok()?)?,
    ))
}
