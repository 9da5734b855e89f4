//! Readings summed up by the store, so that a month of them is one answer.
//!
//! no contract: only the engine's commit writes readings, so the suite is the alert crate's
//! `testkit/reading_series.rs`.

use crate::error::StoreError;
use crate::ids::OrgId;
use crate::series::{BucketRow, Frame, Watch};
use async_trait::async_trait;

/// Most units of one question.
pub const WATCHES_MAX: usize = 500;

/// Sums of one organization's readings. A unit of another organization has none.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ReadingSeries: Send + Sync {
    /// Sums per unit and bucket, units in the order asked, buckets ascending, those without readings left
    /// out; at most [`WATCHES_MAX`] units.
    ///
    /// Counted are temperatures that drive a unit, late and imported ones too: of probe 0, judged, late
    /// or imported. Neither simulated readings nor values put aside are. Of several values at one instant
    /// the warmest holds. One statement, whatever the number of readings.
    ///
    /// # Errors
    /// If the question could not be answered.
    async fn sums(
        &self,
        org: OrgId,
        frame: Frame,
        watches: &[Watch],
    ) -> Result<Vec<BucketRow>, StoreError>;
}
