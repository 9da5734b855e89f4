//! Group commit: one writer takes what waits, and one durable write serves every caller.
//!
//! Batches form by themselves: what arrives while a commit is under way is the next batch. Nobody
//! waits for a timer.

use crate::change::Change;
use crate::engine::{ATTEMPTS, Engine, unanswered};
use crate::evaluate::is_empty;
use crate::ingest::{IngestConfig, IngestError};
use crate::intake::{Posted, prepare};
use crate::posted::ReadingOutcome;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{LnsEventId, OrgId};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// One caller's readings and the place where it waits.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) org: OrgId,
    pub(crate) readings: Vec<Posted>,
    pub(crate) consumed: Option<LnsEventId>,
    pub(crate) answer: oneshot::Sender<Result<Vec<ReadingOutcome>, IngestError>>,
    pub(crate) _room: OwnedSemaphorePermit,
}

/// The writer behind [`Ingest`](crate::ingest::Ingest).
#[derive(Debug)]
pub struct IngestWriter {
    engine: Engine,
    config: IngestConfig,
    requests: mpsc::Receiver<Request>,
    /// Taken from the queue, but too much for the batch at hand.
    next: Option<Request>,
}

/// The requests of one organization, on their way into one change.
struct Group {
    org: OrgId,
    requests: Vec<Request>,
}

impl IngestWriter {
    pub(crate) const fn new(
        engine: Engine,
        config: IngestConfig,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        Self {
            engine,
            config,
            requests,
            next: None,
        }
    }

    /// Writes until `cancel` completes, then finishes what has been taken and returns.
    pub async fn run(mut self, cancel: impl Future<Output = ()> + Send) {
        let mut cancel = std::pin::pin!(cancel);
        let mut stopping = false;
        loop {
            let first = if let Some(request) = self.next.take() {
                Some(request)
            } else {
                tokio::select! {
                    biased;
                    () = &mut cancel, if !stopping => {
                        stopping = true;
                        self.requests.close();
                        continue;
                    }
                    request = self.requests.recv() => request,
                }
            };
            let Some(first) = first else { return };
            let batch = self.gather(first);
            self.settle(batch).await;
        }
    }

    /// Adds what waits, as far as it fits.
    fn gather(&mut self, first: Request) -> Vec<Group> {
        let mut readings = first.readings.len();
        let mut requests = 1;
        let mut groups = vec![Group {
            org: first.org,
            requests: vec![first],
        }];
        while requests < self.config.batch_requests_max {
            let Ok(request) = self.requests.try_recv() else {
                break;
            };
            readings += request.readings.len();
            if readings > self.config.batch_readings_max {
                self.next = Some(request);
                break;
            }
            requests += 1;
            match groups.iter_mut().find(|group| group.org == request.org) {
                Some(group) => group.requests.push(request),
                None => groups.push(Group {
                    org: request.org,
                    requests: vec![request],
                }),
            }
        }
        groups
    }

    /// Commits the groups with one write, and again those that somebody else was faster than.
    async fn settle(&self, mut groups: Vec<Group>) {
        for _ in 0..ATTEMPTS {
            let mut waiting = Vec::with_capacity(groups.len());
            let mut changes: Vec<Change> = Vec::with_capacity(groups.len());
            for group in groups {
                match group.prepare(&self.engine).await {
                    Ok(prepared) if is_empty(&prepared.change) => group.answer(prepared.outcomes),
                    Ok(prepared) => {
                        changes.push(prepared.change);
                        waiting.push((group, prepared.outcomes));
                    }
                    Err(error) => group.fail(error),
                }
            }
            if changes.is_empty() {
                return;
            }
            groups = self.commit(&changes, waiting).await;
            if groups.is_empty() {
                return;
            }
        }
        for group in groups {
            group.fail(StoreError::Conflict);
        }
    }

    /// Commits and answers; what is left met a conflict.
    async fn commit(
        &self,
        changes: &[Change],
        waiting: Vec<(Group, Vec<ReadingOutcome>)>,
    ) -> Vec<Group> {
        let mut committed = match self.engine.store.commit(changes).await {
            Ok(committed) => committed.into_iter(),
            Err(error) => {
                let error = Arc::new(error);
                for (group, _) in waiting {
                    group.fail_with(&error);
                }
                return Vec::new();
            }
        };
        let mut conflicts = Vec::new();
        for (group, outcomes) in waiting {
            match committed.next() {
                Some(Ok(())) => group.answer(outcomes),
                Some(Err(StoreError::Conflict)) => conflicts.push(group),
                Some(Err(error)) => group.fail(error),
                None => group.fail(unanswered()),
            }
        }
        conflicts
    }
}

impl Group {
    async fn prepare(&self, engine: &Engine) -> Result<crate::intake::Prepared, StoreError> {
        let batch: Vec<&Posted> = self
            .requests
            .iter()
            .flat_map(|request| &request.readings)
            .collect();
        let consumed = self.requests.iter().filter_map(|request| request.consumed);
        prepare(engine, self.org, &batch, consumed.collect()).await
    }

    /// Gives each caller its part; one that has gone away needs none.
    fn answer(self, outcomes: Vec<ReadingOutcome>) {
        let mut outcomes = outcomes.into_iter();
        for request in self.requests {
            let part = outcomes.by_ref().take(request.readings.len()).collect();
            let _ = request.answer.send(Ok(part));
        }
    }

    fn fail(self, error: StoreError) {
        self.fail_with(&Arc::new(error));
    }

    fn fail_with(self, error: &Arc<StoreError>) {
        for request in self.requests {
            let unavailable = IngestError::Unavailable(Arc::clone(error));
            let _ = request.answer.send(Err(unavailable));
        }
    }
}
