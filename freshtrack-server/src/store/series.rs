//! Where a page of a unit's readings begins and ends.

use freshtrack_core::ports::{ReadingCursor, ReadingOrder, ReadingQuery};
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

/// The window that is left of a query after a cursor.
///
/// Readings at the cursor's own instant are inside it and must be told apart by device and probe; all
/// others are cut off by the window, which an index can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Recorded at or after.
    pub(crate) from: Timestamp,
    /// Recorded before.
    pub(crate) to: Timestamp,
    /// The cursor.
    pub(crate) edge: Option<ReadingCursor>,
}

impl Window {
    pub(crate) fn of(query: &ReadingQuery, after: Option<ReadingCursor>) -> Self {
        let mut window = Self {
            from: query.from,
            to: query.to,
            edge: after,
        };
        if let Some((at, _, _)) = after {
            match query.order {
                ReadingOrder::OldestFirst => window.from = window.from.max(at),
                ReadingOrder::NewestFirst => {
                    window.to = window.to.min(at + Span::from_micros(1));
                }
            }
        }
        window
    }

    /// The cursor's device.
    pub(crate) fn device(&self) -> Option<Uuid> {
        self.edge
            .and_then(|(_, device, _)| device)
            .map(|device| device.as_uuid())
    }

    /// The cursor's probe.
    pub(crate) fn probe(&self) -> i16 {
        self.edge.map_or(0, |(_, _, probe)| i16::from(probe))
    }
}
