//! Posting readings in bulk: the hot route, parsed straight into its type.

use super::Tags;
use super::posted::{self, BATCH_READINGS_MAX};
use crate::app::App;
use crate::http::auth::Machine;
use crate::http::body;
use crate::http::permissions::{Operation, Requirement};
use crate::http::problem::{Code, Problem};
use freshtrack_alerts::ingest::IngestError;
use freshtrack_alerts::posted::{ReadingOutcome, Rejected};
use freshtrack_core::reading::RejectReason;
use poem::web::Data;
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// One reading of a batch. Documented here, parsed leniently by hand: each element gets its own result.
#[derive(Debug, Object)]
pub struct PostedReading {
    /// The unit; needed unless a device is named.
    unit_id: Option<Uuid>,
    /// The device that took it; stands for the unit it is assigned to.
    device_id: Option<Uuid>,
    /// The device's LoRaWAN identity: 16 hex digits.
    dev_eui: Option<String>,
    /// When it was taken: RFC 3339 with an offset.
    recorded_at: super::super::wire::Time,
    /// Temperature as a number or numeric text; needed unless `door` is given.
    temperature: Option<f64>,
    /// Scale of this temperature; the batch's if left out.
    temperature_unit: Option<super::Scale>,
    /// Door state: open, closed or unknown.
    door: Option<String>,
    /// Relative humidity, 0–100.
    humidity_percent: Option<f64>,
    /// Battery, 0–100.
    battery_percent: Option<f64>,
    /// Battery in millivolts, 0–10,000.
    battery_mv: Option<f64>,
    /// Signal strength, −150…0.
    rssi_dbm: Option<f64>,
    /// Signal to noise ratio in dB.
    snr_db: Option<f64>,
    /// Where it comes from: api, import (stored, never evaluated) or simulator.
    source: Option<String>,
}

/// Readings, 1 to 1,000.
#[derive(Debug, Object)]
pub struct ReadingBatch {
    /// Scale of temperatures that name none; C if left out.
    temperature_unit: Option<super::Scale>,
    /// The readings.
    #[oai(validator(min_items = 1, max_items = 1000))]
    readings: Vec<PostedReading>,
}

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum ResultKind {
    /// Stored, and evaluated unless it came late.
    Accepted,
    /// Known already; the first value stands.
    Duplicate,
    /// Put aside as evidence.
    Quarantined,
    /// Refused.
    Rejected,
}

/// What became of one reading.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ReadingResult {
    /// Place in the batch, from 0.
    index: u32,
    /// What became of it.
    result: ResultKind,
    /// Id of the stored reading, for accepted ones and duplicates.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reading_id: Option<Uuid>,
    /// Why it was refused or put aside.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Older than the newest evaluated reading: on record, without effect on the live state.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<bool>,
    /// Whether a duplicate says something else than what is stored.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    value_differs: Option<bool>,
    /// Optional fields that were dropped, unknown fields, and what was wrong with a refused one.
    warnings: Vec<String>,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, Object, Serialize)]
pub struct ResultCounts {
    /// Stored.
    accepted: u32,
    /// Known already.
    duplicate: u32,
    /// Put aside.
    quarantined: u32,
    /// Refused.
    rejected: u32,
}

/// One result per posted reading, in the order posted.
#[derive(Debug, Clone, Object, Serialize)]
pub struct BatchResult {
    /// The results.
    results: Vec<ReadingResult>,
    /// How many of each.
    counts: ResultCounts,
}

/// The raw body, documented as [`ReadingBatch`].
#[derive(Debug)]
pub struct BatchBody(bytes::Bytes);

impl Payload for BatchBody {
    const CONTENT_TYPE: &'static str = "application/json";
    fn check_content_type(content_type: &str) -> bool {
        content_type
            .split(';')
            .next()
            .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
    }
    fn schema_ref() -> MetaSchemaRef {
        ReadingBatch::schema_ref()
    }
    fn register(registry: &mut Registry) {
        ReadingBatch::register(registry);
    }
}

impl ParsePayload for BatchBody {
    const IS_REQUIRED: bool = true;
    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(body::read(request, body).await?))
    }
}

poem_openapi::impl_apirequest_for_payload!(BatchBody,);

/// The answer, written by serde without a detour.
#[derive(Debug)]
pub struct BatchAnswer(BatchResult);

impl IntoResponse for BatchAnswer {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => Response::builder()
                .content_type("application/json")
                .body(body),
            Err(_) => Problem::new(Code::Internal).into_response(),
        }
    }
}

impl ApiResponse for BatchAnswer {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "One result per posted reading, in the order posted",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: BatchResult::schema_ref(),
                }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        BatchResult::register(registry);
    }
}

impl ReadingResult {
    fn new(index: usize, result: ResultKind) -> Self {
        Self {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            result,
            reading_id: None,
            reason: None,
            late: None,
            value_differs: None,
            warnings: Vec::new(),
        }
    }

    fn of(index: usize, outcome: ReadingOutcome) -> Self {
        match outcome {
            ReadingOutcome::Accepted {
                reading_id,
                late,
                warnings,
            } => Self {
                reading_id: Some(reading_id.as_uuid()),
                late: late.then_some(true),
                warnings,
                ..Self::new(index, ResultKind::Accepted)
            },
            ReadingOutcome::Duplicate {
                reading_id,
                value_differs,
            } => Self {
                reading_id: Some(reading_id.as_uuid()),
                value_differs: value_differs.then_some(true),
                ..Self::new(index, ResultKind::Duplicate)
            },
            ReadingOutcome::Quarantined { reason } => Self {
                reason: Some(reason.as_str().to_owned()),
                ..Self::new(index, ResultKind::Quarantined)
            },
            ReadingOutcome::Rejected { reason } => Self {
                reason: Some(reason.as_str().to_owned()),
                ..Self::new(index, ResultKind::Rejected)
            },
        }
    }
}

impl ResultCounts {
    fn of(results: &[ReadingResult]) -> Self {
        let mut counts = Self::default();
        for result in results {
            match result.result {
                ResultKind::Accepted => counts.accepted += 1,
                ResultKind::Duplicate => counts.duplicate += 1,
                ResultKind::Quarantined => counts.quarantined += 1,
                ResultKind::Rejected => counts.rejected += 1,
            }
        }
        counts
    }
}

/// Posting readings.
#[derive(Debug)]
pub struct IngestApi;

#[OpenApi(tag = "Tags::Ingest")]
impl IngestApi {
    /// Posts readings
    ///
    /// Each reading gets its own result: a bad one loses nothing that was good beside it. A reading
    /// that is answered as accepted is durable. Posting a batch again changes nothing.
    #[oai(
        path = "/ingest/readings",
        method = "post",
        operation_id = "ingest_readings"
    )]
    async fn ingest_readings(
        &self,
        app: Data<&Arc<App>>,
        machine: Machine,
        batch: BatchBody,
    ) -> Result<BatchAnswer, Problem> {
        let Requirement::Key(scope) = Operation::IngestReadings.requirement() else {
            return Err(Problem::new(Code::Internal));
        };
        if !machine.0.scopes.contains(&scope) {
            return Err(Problem::new(Code::ScopeMissing));
        }
        let elements = posted::parse_batch(&batch.0)?;
        debug_assert!(
            elements.len() <= BATCH_READINGS_MAX,
            "bounded by the parser"
        );
        let complaints: Vec<Option<String>> = elements
            .iter()
            .map(|element| {
                element
                    .as_ref()
                    .err()
                    .map(|e| format!("`{}` {}", e.field, e.detail))
            })
            .collect();
        let readings = elements
            .into_iter()
            .map(|element| {
                element.map_err(|_| Rejected {
                    reason: RejectReason::InvalidField,
                })
            })
            .collect();
        let outcomes = app
            .ingest
            .ingest(machine.0.org, readings, None)
            .await
            .map_err(refused)?;
        let results: Vec<_> = outcomes
            .into_iter()
            .zip(complaints)
            .enumerate()
            .map(|(index, (outcome, complaint))| {
                let mut result = ReadingResult::of(index, outcome);
                result.warnings.extend(complaint);
                result
            })
            .collect();
        let counts = ResultCounts::of(&results);
        app.count_readings(
            counts.accepted,
            counts.duplicate,
            counts.quarantined,
            counts.rejected,
        );
        Ok(BatchAnswer(BatchResult { results, counts }))
    }
}

/// Nothing of the batch is stored: the sender is told when to try again.
fn refused(error: IngestError) -> Problem {
    match error {
        IngestError::Overloaded {
            retry_after_seconds,
        } => Problem::unavailable(retry_after_seconds),
        other => {
            tracing::warn!(error = ?other, "ingest refused");
            Problem::unavailable(2)
        }
    }
}
