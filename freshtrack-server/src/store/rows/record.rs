//! Rows whose body is the whole record, and what a unit went through.

use crate::store::column::{At, from_json, parse};
use freshtrack_alerts::change::DoorEvent;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::UnitId;
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use uuid::Uuid;

/// The body of a row: the columns beside it only serve look-ups.
#[derive(FromRow)]
pub(crate) struct BodyRow {
    body: String,
}

impl BodyRow {
    /// The record, of a row of `table`.
    pub(crate) fn into_record<T: DeserializeOwned>(
        self,
        table: &'static str,
    ) -> Result<T, StoreError> {
        from_json(table, "body", &self.body)
    }
}

/// A row of `state_change`.
#[derive(FromRow)]
pub(crate) struct StateRow {
    pub(crate) key: i64,
    pub(crate) at: At,
    #[sqlx(flatten)]
    pub(crate) body: BodyRow,
}

/// A row of `door_event` of a known unit.
#[derive(FromRow)]
pub(crate) struct DoorRow {
    pub(crate) key: i64,
    device_id: Option<Uuid>,
    pub(crate) recorded_at: At,
    state: String,
    duration_seconds: Option<i64>,
}

impl DoorRow {
    pub(crate) fn into_event(self, unit: UnitId) -> Result<DoorEvent, StoreError> {
        Ok(DoorEvent {
            unit,
            device: self.device_id.map(Into::into),
            state: parse("door_event", "state", &self.state)?,
            recorded_at: self.recorded_at.0,
            duration_seconds: self.duration_seconds,
        })
    }
}
