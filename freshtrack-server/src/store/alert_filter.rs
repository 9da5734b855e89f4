//! A filter of alerts as bound values of one fixed statement.

use freshtrack_alerts::ports::{AlertCursor, AlertFilter};
use freshtrack_core::time::Timestamp;
use uuid::Uuid;

/// The names wanted: those of the list, or all of them if it does not restrict.
pub(crate) fn wanted<T: Copy>(
    list: &[T],
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Vec<&'static str> {
    let chosen = if list.is_empty() { all } else { list };
    chosen.iter().copied().map(name).collect()
}

/// The sort key below which alerts are wanted: the filter's end or the cursor, whichever is earlier.
pub(crate) fn upper_bound(filter: &AlertFilter, after: Option<AlertCursor>) -> (Timestamp, Uuid) {
    bound(filter.to, after.map(|(at, id)| (at, id.as_uuid())))
}

/// The same of any list by an instant and an id.
pub(crate) fn bound(to: Option<Timestamp>, after: Option<(Timestamp, Uuid)>) -> (Timestamp, Uuid) {
    // An end is exclusive, so no id at that instant may pass.
    let end = to.map(|to| (to, Uuid::nil()));
    let everything = (Timestamp::MAX, Uuid::max());
    [end, after]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(everything)
}
