//! Group commit without a task of its own: whoever comes while a batch is written is in the next one.

use crate::ports::QueueError;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

type Waiting<I, O> = Vec<(I, oneshot::Sender<Result<O, QueueError>>)>;

/// Gathers items of concurrent callers and lets one of them write all.
pub(crate) struct Combiner<I, O> {
    waiting: Mutex<Waiting<I, O>>,
    turn: tokio::sync::Mutex<()>,
    max: usize,
}

impl<I, O> fmt::Debug for Combiner<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Combiner")
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

impl<I: Send, O: Send> Combiner<I, O> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
            max,
        }
    }

    /// Adds an item and waits for its answer; `write` answers a batch in its order.
    ///
    /// A caller that gives up takes its item along, unless it is being written. One that gives up
    /// while it writes for others leaves them an `Unavailable`: their writes may have happened.
    pub(crate) async fn submit<F, Fut>(&self, item: I, write: F) -> Result<O, QueueError>
    where
        F: Fn(Vec<I>) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Vec<O>, QueueError>> + Send,
    {
        let (sender, mut answer) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((item, sender));
        loop {
            tokio::select! {
                biased;
                answered = &mut answer => {
                    return answered
                        .unwrap_or_else(|_| Err(QueueError::unavailable("the batch was abandoned")));
                }
                turn = self.turn.lock() => {
                    let (items, senders) = self.take();
                    if !items.is_empty() {
                        deliver(senders, write(items).await);
                    }
                    drop(turn);
                }
            }
        }
    }

    fn take(&self) -> (Vec<I>, Vec<oneshot::Sender<Result<O, QueueError>>>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let n = waiting.len().min(self.max);
        waiting
            .drain(..n)
            .filter(|(_, sender)| !sender.is_closed())
            .unzip()
    }
}

fn deliver<O>(
    senders: Vec<oneshot::Sender<Result<O, QueueError>>>,
    answers: Result<Vec<O>, QueueError>,
) {
    // A receiver that is gone gave up; its write stands, and it was told that it may.
    match answers {
        Ok(answers) => {
            for (sender, answer) in senders.into_iter().zip(answers) {
                drop(sender.send(Ok(answer)));
            }
        }
        Err(error) => {
            let text = format!("the batch failed: {error}");
            let mut cause = Some(error);
            for sender in senders {
                let error = cause
                    .take()
                    .unwrap_or_else(|| QueueError::unavailable(text.clone()));
                drop(sender.send(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_a_batch_is_written_is_in_the_next() {
        let combiner = Combiner::new(10);
        let batches = AtomicUsize::new(0);
        let write = |items: Vec<usize>| {
            batches.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(items.into_iter().map(|n| n * 2).collect())
            }
        };
        let answers = join_all((0..35).map(|n| combiner.submit(n, write))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), n * 2, "every caller gets its own answer");
        }
        assert_eq!(
            batches.load(Ordering::SeqCst),
            5,
            "the first alone, 34 in batches of ten"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_batch_fails_all_in_it_and_nothing_after() {
        let combiner: Combiner<u32, u32> = Combiner::new(10);
        let fail = |_| async { Err(QueueError::unavailable("down")) };
        let failed = join_all((0..3).map(|n| combiner.submit(n, fail))).await;
        assert!(
            failed
                .iter()
                .all(|answer| answer.as_ref().is_err_and(QueueError::is_transient))
        );
        let fine = combiner.submit(7, |items| async { Ok(items) }).await;
        assert_eq!(fine.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_leaves_nothing_behind() {
        let combiner: Combiner<u32, u32> = Combiner::new(10);
        let hang = |_| std::future::pending();
        let gone = tokio::time::timeout(Duration::from_secs(1), combiner.submit(1, hang)).await;
        assert!(gone.is_err());
        let seen = combiner.submit(2, |items| async { Ok(items) }).await;
        assert_eq!(seen.unwrap(), 2, "the next is not held up");
    }
}
