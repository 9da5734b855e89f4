//! Laws of the ledger of requests that may be repeated.

#![expect(
    clippy::unwrap_used,
    reason = "a law panics when it is broken; that is all it does"
)]

use freshtrack_core::time::{Span, Timestamp};
use freshtrack_server::store::ports::{Begun, KeptAnswer, OnceKey, OnceLedger};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn key(caller: &str, n: u8) -> OnceKey {
    OnceKey {
        caller: caller.to_owned(),
        key_hash: [n; 32],
    }
}

fn answer() -> KeptAnswer {
    KeptAnswer {
        status: 201,
        headers: vec![("location".to_owned(), "/x/1".to_owned())],
        body: b"{\"a\":\"\xc3\xbc\"}".to_vec(),
    }
}

async fn begin(store: &dyn OnceLedger, key: &OnceKey, print: u8, seconds: i64) -> Begun {
    let now = START + Span::from_seconds(seconds);
    let bounds = (
        now - Span::from_seconds(86_400),
        now - Span::from_seconds(60),
    );
    store.begin(key, [print; 32], now, bounds).await.unwrap()
}

pub(crate) async fn a_request_is_first_once_and_answered_alike(store: &impl OnceLedger) {
    let one = key("user:a", 1);
    assert_eq!(begin(store, &one, 1, 0).await, Begun::First);
    assert_eq!(begin(store, &one, 1, 1).await, Begun::Running);
    assert_eq!(begin(store, &one, 2, 1).await, Begun::Reused);
    assert_eq!(begin(store, &key("user:b", 1), 2, 1).await, Begun::First);
    assert_eq!(begin(store, &key("user:a", 2), 2, 1).await, Begun::First);
    store.end(&one, Some(answer())).await.unwrap();
    assert_eq!(begin(store, &one, 1, 2).await, Begun::Answered(answer()));
    assert_eq!(begin(store, &one, 2, 2).await, Begun::Reused);
    store.end(&one, None).await.unwrap();
    let known = begin(store, &one, 1, 3).await;
    assert_eq!(
        known,
        Begun::Answered(answer()),
        "an answer is not taken back"
    );
}

pub(crate) async fn a_request_that_failed_or_was_lost_or_is_old_is_first_again(
    store: &impl OnceLedger,
) {
    let one = key("user:a", 1);
    assert_eq!(begin(store, &one, 1, 0).await, Begun::First);
    store.end(&one, None).await.unwrap();
    assert_eq!(begin(store, &one, 2, 1).await, Begun::First);
    assert_eq!(begin(store, &one, 2, 61).await, Begun::Running);
    assert_eq!(begin(store, &one, 2, 62).await, Begun::First, "it was lost");
    store.end(&one, Some(answer())).await.unwrap();
    let kept = begin(store, &one, 2, 62 + 86_400).await;
    assert_eq!(kept, Begun::Answered(answer()), "for a day");
    assert_eq!(begin(store, &one, 3, 63 + 86_400).await, Begun::First);
}

pub(crate) async fn of_requests_that_begin_at_once_one_is_first(store: &impl OnceLedger) {
    let one = key("user:a", 1);
    let begin = || begin(store, &one, 1, 0);
    let answers = tokio::join!(begin(), begin(), begin(), begin());
    let answers = [answers.0, answers.1, answers.2, answers.3];
    let first = answers.iter().filter(|answer| **answer == Begun::First);
    assert_eq!(first.count(), 1, "{answers:?}");
}

pub(crate) async fn old_answers_are_removed_bounded(store: &impl OnceLedger) {
    for n in 0..5 {
        begin(store, &key("user:a", n), 1, i64::from(n)).await;
    }
    let before = START + Span::from_seconds(4);
    assert_eq!(store.prune_answers(before, 3).await.unwrap(), 3);
    assert_eq!(store.prune_answers(before, 3).await.unwrap(), 1);
    assert_eq!(store.prune_answers(before, 3).await.unwrap(), 0);
    assert_eq!(begin(store, &key("user:a", 4), 1, 5).await, Begun::Running);
}
