//! Pages of a list: keyset, opaque to clients, stable under inserts.

/// Most rows a list returns at once.
pub const PAGE_ROWS_MAX: u16 = 200;
/// Rows a list returns when nobody says.
pub const PAGE_ROWS_DEFAULT: u16 = 50;

/// What to return of a list: at most `limit` rows after `after`.
///
/// `K` is the list's sort key, unique per row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Rows wanted, 1…200 for API lists.
    pub limit: u16,
    /// Key of the last row already seen.
    pub after: Option<K>,
}

/// Rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Key to continue after; nothing at the end.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Makes a page from `limit + 1` fetched rows: the surplus row only tells that there are more.
    pub fn from_surplus(mut rows: Vec<T>, limit: u16, key: impl Fn(&T) -> K) -> Self {
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }
}
