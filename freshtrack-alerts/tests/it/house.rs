//! A house of services: two organizations in memory, a clock that stands still, and a store that fails
//! when told to.

use async_trait::async_trait;
use freshtrack_alerts::actions::AlertActions;
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::engine::Engine;
use freshtrack_alerts::ingest::{Ingest, IngestConfig, IngestError};
use freshtrack_alerts::intake::Posted;
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{AlertFilter, AlertStore, MonitorStore};
use freshtrack_alerts::posted::{PostedReading, PostedTemperature, ReadingOutcome};
use freshtrack_alerts::sweep::Sweeper;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::event::{EventKind, OutboxEvent};
use freshtrack_core::ids::{DeviceId, OrgId, UnitId};
use freshtrack_core::memory::{ManualClock, SequentialIds};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{Devices, Outbox, ReadingOrder, ReadingQuery, ReadingStore};
use freshtrack_core::reading::{QuarantinedReading, Reading, ReadingKey};
use freshtrack_core::temperature::TemperatureUnit;
use freshtrack_core::testkit::sample::Tenant;
use freshtrack_core::time::Timestamp;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};

use crate::fixture::at;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// As if somebody else had been faster.
    Conflict,
    /// As if the store were away.
    Unavailable,
}

/// The memory store behind a door that can stick.
#[derive(Debug, Default)]
pub(crate) struct Flaky {
    pub(crate) inner: MemoryStore,
    pub(crate) failures: Mutex<VecDeque<Failure>>,
    pub(crate) commits: Mutex<Vec<usize>>,
    /// Devices that were calibrated, and until when that holds.
    pub(crate) calibrated: Mutex<Vec<(DeviceId, Timestamp)>>,
    /// Commits wait while somebody holds this.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

#[async_trait]
impl MonitorStore for Flaky {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        self.inner.resolve(org, targets).await
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        let mut loaded = self.inner.load(org, units).await?;
        let calibrated = self.calibrated.lock().unwrap();
        let units = loaded.iter_mut().flat_map(|loaded| &mut loaded.units);
        for device in units.flat_map(|unit| &mut unit.devices) {
            let newest = calibrated.iter().rfind(|(id, _)| *id == device.id);
            if let Some((_, due)) = newest {
                device.calibration_due_at = Some(*due);
            }
        }
        Ok(loaded)
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.stored(org, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let _gate = self.gate.lock().await;
        self.commits.lock().unwrap().push(changes.len());
        let failure = self.failures.lock().unwrap().pop_front();
        match failure {
            None => self.inner.commit(changes).await,
            Some(Failure::Conflict) => {
                Ok(changes.iter().map(|_| Err(StoreError::Conflict)).collect())
            }
            Some(Failure::Unavailable) => Err(StoreError::unavailable("the disk is full")),
        }
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.inner.due(now, limit).await
    }
}

pub(crate) struct House {
    pub(crate) store: Arc<Flaky>,
    pub(crate) clock: ManualClock,
    pub(crate) engine: Engine,
    pub(crate) own: Tenant,
    pub(crate) other: Tenant,
}

impl House {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(Flaky::default());
        let clock = ManualClock::new(at("0:00"));
        let engine = Engine {
            store: Arc::clone(&store) as Arc<dyn MonitorStore>,
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SequentialIds::new(99)),
        };
        let own = Tenant::create(&store.inner, "own").await;
        let other = Tenant::create(&store.inner, "other").await;
        Self {
            store,
            clock,
            engine,
            own,
            other,
        }
    }

    pub(crate) async fn device(&self, change: impl FnOnce(&mut Device)) -> DeviceId {
        let mut device = self.own.new_device("Probe");
        device.unit_id = Some(self.own.unit);
        change(&mut device);
        let id = device.id;
        Devices::create(&self.store.inner, self.own.org, device, Journal::default())
            .await
            .unwrap();
        id
    }

    /// Runs `work` beside an ingest writer.
    pub(crate) async fn ingesting<T, F>(
        &self,
        config: IngestConfig,
        work: impl FnOnce(Ingest) -> F,
    ) -> T
    where
        F: Future<Output = T>,
    {
        let (ingest, writer) = Ingest::new(self.engine.clone(), config);
        let writer = writer.run(std::future::pending());
        tokio::select! {
            biased;
            done = work(ingest) => done,
            () = writer => panic!("the writer stopped by itself"),
        }
    }

    pub(crate) async fn try_post(
        &self,
        readings: Vec<Posted>,
    ) -> Result<Vec<ReadingOutcome>, IngestError> {
        self.ingesting(IngestConfig::default(), |ingest| async move {
            ingest.ingest(self.own.org, readings, None).await
        })
        .await
    }

    pub(crate) async fn post(&self, readings: Vec<Posted>) -> Vec<ReadingOutcome> {
        self.try_post(readings).await.unwrap()
    }

    /// A reading of the own unit, when it was recorded.
    pub(crate) async fn read(&self, time: &str, value: &str) -> Vec<ReadingOutcome> {
        self.clock.set(at(time));
        self.post(vec![Ok(self.reading(time, value))]).await
    }

    pub(crate) fn reading(&self, time: &str, value: &str) -> PostedReading {
        reading_of(Target::Unit(self.own.unit), time, value)
    }

    pub(crate) fn sweeper(&self) -> Sweeper {
        Sweeper::new(self.engine.clone())
    }

    pub(crate) fn actions(&self) -> AlertActions {
        AlertActions::new(self.engine.clone(), Arc::new(self.store.inner.clone()))
    }

    pub(crate) async fn alerts(&self) -> Vec<freshtrack_alerts::alert::Alert> {
        let page = PageRequest {
            limit: 200,
            after: None,
        };
        let filter = AlertFilter::default();
        let listed = AlertStore::list(&self.store.inner, self.own.org, &filter, page).await;
        let mut alerts = listed.unwrap().items;
        alerts.reverse();
        alerts
    }

    pub(crate) async fn readings(&self) -> Vec<Reading> {
        let query = ReadingQuery {
            unit: self.own.unit,
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            order: ReadingOrder::OldestFirst,
        };
        let page = PageRequest {
            limit: 200,
            after: None,
        };
        let listed = ReadingStore::list(&self.store.inner, self.own.org, query, page).await;
        listed.unwrap().items
    }

    pub(crate) async fn quarantined(&self) -> Vec<QuarantinedReading> {
        let listed = self.store.inner.quarantined(self.own.org, None, 200).await;
        listed.unwrap()
    }

    pub(crate) async fn events(&self, org: OrgId) -> Vec<OutboxEvent> {
        Outbox::since(&self.store.inner, org, 0, 1_000)
            .await
            .unwrap()
    }

    pub(crate) async fn event_kinds(&self) -> Vec<EventKind> {
        let events = self.events(self.own.org).await;
        events.iter().map(|event| event.kind).collect()
    }
}

pub(crate) fn reading_of(target: Target, time: &str, value: &str) -> PostedReading {
    PostedReading {
        temperature: Some(PostedTemperature::parse(value, TemperatureUnit::C)),
        ..PostedReading::new(target, at(time))
    }
}
