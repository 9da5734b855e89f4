//! Calls of the services, as things to run at once.

use super::concurrent::Task;
use super::sensors::Sent;
use crate::engine::Engine;
use crate::ingest::{Ingest, IngestError};
use crate::posted::ReadingOutcome;
use crate::sweep::Sweeper;
use freshtrack_core::ids::OrgId;
use std::sync::{Arc, Mutex};

/// What was handed in, and the answer if there was one.
pub(super) type Answer = (Vec<Sent>, Option<Result<Vec<ReadingOutcome>, IngestError>>);
/// One per call, in the order of the calls.
pub(super) type Answers = Arc<Mutex<Vec<Answer>>>;

/// A round of the sweeper.
pub(super) fn sweep(engine: &Engine) -> Task {
    let sweeper = Sweeper::new(engine.clone());
    Box::pin(async move {
        // a failed round is repeated by the next one
        let _ = sweeper.sweep().await;
    })
}

/// Hands a batch in; the answer, or that there was none, is left in `answers`.
pub(super) fn deliver(ingest: Ingest, (org, batch): (OrgId, Vec<Sent>), answers: &Answers) -> Task {
    let posted = batch.iter().map(|sent| Ok(sent.posted())).collect();
    let mut place = answers.lock().expect("nobody panics holding answers");
    let slot = place.len();
    place.push((batch, None));
    let answers = Arc::clone(answers);
    Box::pin(async move {
        let answer = ingest.ingest(org, posted, None).await;
        answers.lock().expect("nobody panics holding answers")[slot].1 = Some(answer);
    })
}
