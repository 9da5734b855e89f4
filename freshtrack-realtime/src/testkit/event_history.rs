//! Laws of [`EventHistory`].

use crate::ports::EventHistory;
use crate::testkit::sample;
use async_trait::async_trait;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::OutboxEvent;
use freshtrack_core::ids::OrgId;

/// An adapter and the way its outbox is written.
#[async_trait]
pub trait HistoryUnderTest: Send + Sync {
    /// The adapter.
    fn history(&self) -> &dyn EventHistory;
    /// Commits an event with the next number of its organization.
    async fn commit(&self, event: OutboxEvent);
    /// Removes events below `oldest`.
    async fn prune(&self, org: OrgId, oldest: i64);
}

/// One test per law: `event_history_contract!(fresh)`, `fresh` an
/// `async fn() -> Option<impl HistoryUnderTest>`.
#[macro_export]
macro_rules! event_history_contract {
    ($fresh:path) => {
        $crate::event_history_contract!($fresh;
            an_empty_history_has_bounds,
            events_come_ascending_without_a_hole,
            a_page_holds_at_most_its_limit_and_the_next_goes_on,
            organizations_do_not_see_each_other,
            a_pruned_history_says_what_it_still_has,
            reading_beyond_the_head_is_empty_not_an_error,
        );
    };
    ($fresh:path; $($law:ident,)+) => {$(
        #[tokio::test]
        async fn $law() {
            match $fresh().await {
                Some(adapter) => $crate::testkit::event_history::$law(adapter).await,
                None => $crate::testkit::skip(stringify!($law)),
            }
        }
    )+};
}

async fn commit(adapter: &impl HistoryUnderTest, org: OrgId, count: u32) {
    for number in 1..=count {
        let event = sample::alert_raised(org, (sample::site(1), sample::unit(1)), number);
        adapter.commit(event).await;
    }
}

fn must<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => unreachable!("a healthy history answers: {error}"),
    }
}

/// Head 0 and nothing kept.
pub async fn an_empty_history_has_bounds(adapter: impl HistoryUnderTest) {
    let history = adapter.history();
    let bounds = must(history.head(sample::org(1)).await);
    assert_eq!((bounds.oldest, bounds.head), (1, 0));
    let page = must(history.since(sample::org(1), 0, 10).await);
    assert_eq!((page.events.len(), page.bounds), (0, bounds));
}

/// Numbers from `after + 1` on, each event as committed.
pub async fn events_come_ascending_without_a_hole(adapter: impl HistoryUnderTest) {
    commit(&adapter, sample::org(1), 7).await;
    let page = must(adapter.history().since(sample::org(1), 2, 100).await);
    let seqs: Vec<i64> = page.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [3, 4, 5, 6, 7]);
    assert_eq!((page.bounds.oldest, page.bounds.head), (1, 7));
    let mut expected = sample::alert_raised(sample::org(1), (sample::site(1), sample::unit(1)), 3);
    expected.seq = 3;
    assert_eq!(page.events.first(), Some(&expected));
}

/// Pages join without overlap.
pub async fn a_page_holds_at_most_its_limit_and_the_next_goes_on(adapter: impl HistoryUnderTest) {
    commit(&adapter, sample::org(1), 5).await;
    let history = adapter.history();
    let first = must(history.since(sample::org(1), 0, 3).await);
    let second = must(history.since(sample::org(1), 3, 3).await);
    let seqs = |events: &[OutboxEvent]| events.iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&first.events), [1, 2, 3]);
    assert_eq!(seqs(&second.events), [4, 5]);
    assert_eq!(
        first.bounds.head, 5,
        "the head is the history's, not the page's"
    );
}

/// Each organization counts for itself.
pub async fn organizations_do_not_see_each_other(adapter: impl HistoryUnderTest) {
    commit(&adapter, sample::org(1), 3).await;
    commit(&adapter, sample::org(2), 1).await;
    let history = adapter.history();
    let page = must(history.since(sample::org(2), 0, 100).await);
    assert_eq!(page.events.len(), 1);
    assert!(page.events.iter().all(|event| event.org == sample::org(2)));
    assert_eq!(must(history.head(sample::org(3)).await).head, 0);
}

/// `oldest` moves, the head stays, also when nothing is left.
pub async fn a_pruned_history_says_what_it_still_has(adapter: impl HistoryUnderTest) {
    let org = sample::org(1);
    commit(&adapter, org, 6).await;
    adapter.prune(org, 4).await;
    let page = must(adapter.history().since(org, 1, 100).await);
    assert_eq!((page.bounds.oldest, page.bounds.head), (4, 6));
    assert_eq!(page.events.first().map(|event| event.seq), Some(4));
}

/// A client from the future, or exactly up to date, gets nothing.
pub async fn reading_beyond_the_head_is_empty_not_an_error(adapter: impl HistoryUnderTest) {
    commit(&adapter, sample::org(1), 2).await;
    for after in [2, 99, i64::MAX] {
        let page = must(adapter.history().since(sample::org(1), after, 10).await);
        assert!(page.events.is_empty(), "after {after}");
    }
}
