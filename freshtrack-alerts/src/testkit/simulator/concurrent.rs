//! Running several things at once in one thread, in a known order, until done or until a crash.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Something under way.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls all of `tasks` in turn until they are done or, after `polls` rounds, drops what is not.
/// Answers whether all were done. `background` runs beside them and dies with them.
pub(super) async fn run(mut tasks: Vec<Task>, background: Task, polls: Option<u32>) -> bool {
    let mut background = Some(background);
    let mut left = polls.unwrap_or(u32::MAX);
    poll_fn(move |context| {
        tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
        let ended = background
            .as_mut()
            .is_some_and(|task| task.as_mut().poll(context).is_ready());
        if ended {
            background = None;
        }
        if tasks.is_empty() {
            return Poll::Ready(true);
        }
        left -= 1;
        if left == 0 {
            return Poll::Ready(false);
        }
        // everything that is waited for is in here: go round again
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Lets the others go first, once.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|_| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        Poll::Pending
    })
    .await;
}

/// Polls `work` until it is done: pauses in it wake nobody.
pub(super) async fn alone<T>(work: impl Future<Output = T> + Send) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            context.waker().wake_by_ref();
        }
        polled
    })
    .await
}
