//! The world a simulated engine lives in: what happens when, and what it must answer.

use super::calls::{Answers, deliver, sweep};
use super::clock::SimClock;
use super::concurrent::{self, Task, alone};
use super::ledger::{ACTION, CLOSED};
use super::sensors::{Delivery, Sensor, Sent, below, chance, span};
use super::store::SimStore;
use super::{Invariant, Outcome, Sabotage, calm, race};
use crate::actions::{ActionError, AlertActions};
use crate::alert::{Alert, AlertStatus};
use crate::engine::Engine;
use crate::food_safety::fleet::Rng;
use crate::ingest::{Ingest, IngestConfig, IngestError};
use crate::lifecycle::ResolveWish;
use crate::ports::{AlertFilter, AlertStore, MonitorStore};
use crate::posted::ReadingOutcome;
use crate::rules::{LimitRule, RuleFields, RuleScope, RuleSet};
use crate::step::Observation;
use crate::testkit::sample;
use crate::unit_actions::{UnitActions, UnitInput};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, ReadingId, UnitId, UserId};
use freshtrack_core::memory::SequentialIds;
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::Clock;
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::temperature::{Limit, Temperature};
use freshtrack_core::testkit::sample::Tenant;
use freshtrack_core::time::{Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

const ROUNDS: u64 = 60;
const CALM_EVERY: u64 = 6;
const WAITING_MAX: u32 = 48;

pub(super) struct World {
    seed: u64,
    rng: Rng,
    now: Timestamp,
    offset: Span,
    stepping: bool,
    clock: SimClock,
    store: Arc<SimStore>,
    sabotage: Option<Sabotage>,
    engine: Engine,
    processes: u64,
    tenants: Vec<Tenant>,
    sensors: Vec<Sensor>,
    on_its_way: Vec<Delivery>,
    sent: BTreeSet<ReadingKey>,
    answered: BTreeMap<ReadingKey, ReadingId>,
    rules: BTreeMap<OrgId, i64>,
}

impl World {
    pub(super) async fn begin(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut rng = Rng::seeded(seed);
        let now = freshtrack_core::testkit::sample::at(3_600);
        let clock = SimClock::new(now);
        let store = Arc::new(SimStore::new(seed, clock.clone(), sabotage));
        let (mut tenants, mut sensors) = (Vec::new(), Vec::new());
        for name in ["own", "other"] {
            let tenant = Tenant::create(&store.inner, name).await;
            let mut units = vec![tenant.unit];
            for n in 0..below(&mut rng, 3) {
                units.push(sample::further_unit(&store.inner, &tenant, &format!("More {n}")).await);
            }
            store.knows(tenant.org);
            for unit in units {
                store.state().ledger.owns(tenant.org, unit);
                sensors.push(Sensor::new(tenant.org, unit, now));
            }
            tenants.push(tenant);
        }
        let engine = process(&store, &clock, seed, 0);
        Self {
            stepping: seed % 4 == 3,
            seed,
            rng,
            now,
            offset: Span::ZERO,
            clock,
            store,
            sabotage,
            engine,
            processes: 0,
            tenants,
            sensors,
            on_its_way: Vec::new(),
            sent: BTreeSet::new(),
            answered: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    pub(super) async fn live(mut self) -> Outcome {
        for round in 1..=ROUNDS {
            let lived = self.round(round).await;
            if let Err(error) = lived {
                let mut state = self.store.state();
                state.ledger.broken(Invariant::I1Durable, error.to_string());
            }
        }
        self.outcome().await
    }

    async fn round(&mut self, round: u64) -> Result<(), StoreError> {
        self.pass_time();
        match below(&mut self.rng, 12) {
            0 => self.change_rules().await?,
            1 | 2 => self.race().await?,
            3 => self.flood().await,
            4 => self.trespass().await?,
            _ => {}
        }
        self.everything().await?;
        if round.is_multiple_of(CALM_EVERY) || round == ROUNDS {
            self.calm(round == ROUNDS).await?;
        }
        Ok(())
    }

    fn pass_time(&mut self) {
        let pause = match below(&mut self.rng, 10) {
            0..6 => span(&mut self.rng, 1, 400),
            6..9 => span(&mut self.rng, 400, 1_300),
            _ => span(&mut self.rng, 1_300, 9_000),
        };
        self.now = self.now + pause;
        self.tell_time();
        for sensor in &mut self.sensors {
            sensor.send_until(self.now, &mut self.rng, &mut self.on_its_way);
        }
    }

    fn tell_time(&self) {
        self.clock.set(self.now + self.offset);
    }

    /// The process dies; the next one may find another time on its machine.
    fn restart(&mut self) {
        self.processes += 1;
        self.store.crashed();
        if self.stepping {
            let hours = [-60, 0, 60][usize::try_from(below(&mut self.rng, 3)).unwrap_or(1)];
            self.offset = Span::from_minutes(hours);
            self.store.state().ledger.tally.clock_steps += 1;
        }
        self.tell_time();
        self.engine = process(&self.store, &self.clock, self.seed, self.processes);
    }

    /// Deliveries, a sweep and people at once, and perhaps a crash in the middle.
    async fn everything(&mut self) -> Result<(), StoreError> {
        let mut tasks = Vec::new();
        let answers = Answers::default();
        let (ingest, writer) = Ingest::new(self.engine.clone(), self.config());
        let (due, later) = self
            .on_its_way
            .drain(..)
            .partition(|delivery| delivery.at <= self.now);
        self.on_its_way = later;
        for batch in self.batches(due) {
            tasks.push(deliver(ingest.clone(), batch, &answers));
        }
        if chance(&mut self.rng, 70) {
            tasks.push(sweep(&self.engine));
        }
        if chance(&mut self.rng, 40) {
            tasks.extend(self.wish().await?);
        }
        drop(ingest);
        let crash = chance(&mut self.rng, 15);
        let polls = crash.then(|| u32::try_from(1 + below(&mut self.rng, 12)).unwrap_or(1));
        let writer: Task = Box::pin(writer.run(std::future::pending()));
        if !concurrent::run(tasks, writer, polls).await {
            self.store.state().ledger.tally.crashes += 1;
            self.restart();
        } else if chance(&mut self.rng, 10) {
            self.restart();
        }
        self.take(&answers);
        Ok(())
    }

    fn config(&self) -> IngestConfig {
        let unbounded = self.sabotage == Some(Sabotage::UnboundedQueue);
        IngestConfig {
            waiting_readings_max: if unbounded { 1_000_000 } else { WAITING_MAX },
            ..IngestConfig::default()
        }
    }

    /// Calls of one organization each, in any order.
    fn batches(&mut self, mut due: Vec<Delivery>) -> Vec<(OrgId, Vec<Sent>)> {
        let mut batches: Vec<(OrgId, Vec<Sent>)> = Vec::new();
        while !due.is_empty() {
            let any = usize::try_from(below(&mut self.rng, due.len() as u64)).unwrap_or(0);
            let sent = due.swap_remove(any).sent;
            self.sent.insert(key(&sent));
            let join = chance(&mut self.rng, 60);
            match batches
                .last_mut()
                .filter(|(org, _)| join && *org == sent.org)
            {
                Some((_, batch)) if batch.len() < 20 => batch.push(sent),
                _ => batches.push((sent.org, vec![sent])),
            }
        }
        batches
    }

    /// Believes answers, and sends again what got none.
    fn take(&mut self, answers: &Answers) {
        let answers = std::mem::take(&mut *answers.lock().expect("nobody panics holding answers"));
        for (batch, answer) in answers {
            match answer {
                Some(Ok(outcomes)) => {
                    for (sent, outcome) in batch.iter().zip(outcomes) {
                        self.believe(sent, &outcome);
                    }
                }
                failed => {
                    let full = matches!(failed, Some(Err(IngestError::Overloaded { .. })));
                    self.store.state().ledger.tally.refused += u64::from(full);
                    for sent in batch {
                        let at = self.now + span(&mut self.rng, 1, 60);
                        self.on_its_way.push(Delivery { sent, at });
                    }
                }
            }
        }
    }

    fn believe(&mut self, sent: &Sent, outcome: &ReadingOutcome) {
        let mut state = self.store.state();
        let id = match outcome {
            ReadingOutcome::Accepted { reading_id, .. } => {
                state.ledger.tally.accepted += 1;
                *reading_id
            }
            // put aside while the clock was behind: known from then on, and no reading
            ReadingOutcome::Duplicate { .. } | ReadingOutcome::Quarantined { .. }
                if self.stepping =>
            {
                return;
            }
            ReadingOutcome::Duplicate { reading_id, .. } => {
                state.ledger.tally.duplicates += 1;
                *reading_id
            }
            other => {
                let what = format!("{sent:?} was answered {other:?}");
                return state.ledger.broken(Invariant::I1Durable, what);
            }
        };
        let known = *self.answered.entry(key(sent)).or_insert(id);
        state.ledger.check(known == id, Invariant::I7SameId, || {
            format!("{sent:?} is {known} and {id}")
        });
    }

    async fn alerts(&self, org: OrgId) -> Result<Vec<Alert>, StoreError> {
        let page = PageRequest {
            limit: 60_000,
            after: None,
        };
        let filter = AlertFilter {
            status: vec![AlertStatus::Active, AlertStatus::Acknowledged],
            ..AlertFilter::default()
        };
        let listed = AlertStore::list(&self.store.inner, org, &filter, page).await;
        Ok(listed?.items)
    }

    /// Something a person does about an open alert.
    async fn wish(&mut self) -> Result<Option<Task>, StoreError> {
        let tenant = usize::try_from(below(&mut self.rng, 2)).unwrap_or(0);
        let (org, by) = (self.tenants[tenant].org, person(&self.tenants[tenant]));
        let open = self.alerts(org).await?;
        let any = usize::try_from(below(&mut self.rng, open.len() as u64)).unwrap_or(0);
        let Some(id) = open.get(any).map(|alert| alert.id) else {
            return Ok(None);
        };
        let actions = self.actions();
        let kind = below(&mut self.rng, 4);
        let until = self.clock.now() + span(&mut self.rng, 60, 14_000);
        Ok(Some(Box::pin(async move {
            // refusals and failures are answers, too; what they did is in the ledger
            let _ = match kind {
                0 => actions.snooze(org, id, by, until).await,
                1 => actions.resolve(org, id, close(by)).await,
                _ => actions.acknowledge(org, id, by, None).await,
            };
        })))
    }

    fn actions(&self) -> AlertActions {
        let alerts = Arc::clone(&self.store) as Arc<dyn AlertStore>;
        AlertActions::new(self.engine.clone(), alerts)
    }

    /// Rules change, and the units are told.
    async fn change_rules(&mut self) -> Result<(), StoreError> {
        let tenant = usize::try_from(below(&mut self.rng, 2)).unwrap_or(0);
        let org = self.tenants[tenant].org;
        let version = self.rules.entry(org).or_default();
        *version += 1;
        let milli = 4_000 + i32::try_from(below(&mut self.rng, 2_000)).unwrap_or(0);
        let confirm = 300 + u32::try_from(below(&mut self.rng, 900)).unwrap_or(0);
        let set = RuleSet {
            scope: RuleScope::Organization,
            scope_id: org.as_uuid(),
            unit_type: None,
            fields: RuleFields {
                temp_max: Some(LimitRule::At(Limit::celsius(milli))),
                confirm_closed_seconds: Some(confirm),
                ..RuleFields::default()
            },
            version: *version,
        };
        self.store.inner.set_rules(org, vec![set]);
        let (units, actions) = (self.units(org), UnitActions::new(self.engine.clone()));
        self.quietly(true);
        self.store.state().ledger.announcing = true;
        let journal = Journal::default();
        for unit in units {
            let told = actions.apply(org, unit, &UnitInput::RulesChanged, &journal);
            if let Err(error) = alone(told).await {
                let mut state = self.store.state();
                state.ledger.broken(Invariant::I15Rules, error.to_string());
            }
        }
        self.store.state().ledger.announcing = false;
        self.quietly(false);
        Ok(())
    }

    /// No faults while `quiet`.
    fn quietly(&self, quiet: bool) {
        self.store.state().faults = !quiet;
    }

    fn units(&self, org: OrgId) -> BTreeSet<UnitId> {
        let of = self.sensors.iter().filter(|sensor| sensor.org == org);
        of.map(|sensor| sensor.unit).collect()
    }

    /// A reading at the very instant of its unit's timer.
    async fn race(&mut self) -> Result<(), StoreError> {
        if self.offset != Span::ZERO || self.stepping {
            return Ok(());
        }
        for (org, unit) in self.places() {
            let Some(loaded) = self.store.inner.load(org, &[unit]).await? else {
                continue;
            };
            let timer = loaded
                .units
                .first()
                .and_then(|c| c.monitor.temperature.deadline());
            let Some(at) = timer.filter(|at| *at > self.now) else {
                continue;
            };
            self.now = at;
            self.tell_time();
            let milli = [2_000, 8_000][usize::try_from(below(&mut self.rng, 2)).unwrap_or(0)];
            let sent = Sent {
                org,
                unit,
                recorded_at: at,
                milli,
                door: None,
            };
            let observed = Observation::temperature(at, Temperature::from_milli_celsius(milli));
            let Some(orders) = race::both_orders(&loaded, org, observed, at) else {
                continue;
            };
            self.quietly(true);
            let answers = Answers::default();
            let (ingest, writer) = Ingest::new(self.engine.clone(), self.config());
            self.sent.insert(key(&sent));
            let mut tasks = vec![
                deliver(ingest, (org, vec![sent]), &answers),
                sweep(&self.engine),
            ];
            if chance(&mut self.rng, 50) {
                tasks.reverse();
            }
            concurrent::run(tasks, Box::pin(writer.run(std::future::pending())), None).await;
            self.take(&answers);
            let after = self.store.inner.load(org, &[unit]).await?;
            self.quietly(false);
            let after = after.and_then(|after| Some(after.units.first()?.monitor.temperature));
            let mut state = self.store.state();
            state.ledger.tally.races += 1;
            let same = orders[0] == orders[1] && after == Some(orders[0]);
            state.ledger.check(same, Invariant::I5Race, || {
                format!("{after:?} of timer first, reading first: {orders:?}")
            });
            return Ok(());
        }
        Ok(())
    }

    fn places(&self) -> Vec<(OrgId, UnitId)> {
        let places = self.sensors.iter();
        places.map(|sensor| (sensor.org, sensor.unit)).collect()
    }

    /// More at once than may wait.
    async fn flood(&mut self) {
        let answers = Answers::default();
        let (ingest, writer) = Ingest::new(self.engine.clone(), self.config());
        let (org, unit) = self.places()[0];
        let mut tasks: Vec<Task> = Vec::new();
        for n in 0..20 {
            let batch: Vec<Sent> = (0..4)
                .map(|m| Sent {
                    org,
                    unit,
                    recorded_at: self.now - Span::from_micros(100 - (4 * n + m)),
                    milli: 2_000,
                    door: None,
                })
                .collect();
            self.sent.extend(batch.iter().map(key));
            tasks.push(deliver(ingest.clone(), (org, batch), &answers));
        }
        drop(ingest);
        concurrent::run(tasks, Box::pin(writer.run(std::future::pending())), None).await;
        let before = self.store.state().ledger.tally.refused;
        self.take(&answers);
        let mut state = self.store.state();
        let refused = state.ledger.tally.refused - before;
        // nothing can be written before all 20 have asked: 48 of 80 readings may wait
        state.ledger.check(refused == 8, Invariant::I14Bounded, || {
            format!("{refused} of 20 calls were refused")
        });
    }

    /// One organization reaches for what is another's.
    async fn trespass(&mut self) -> Result<(), StoreError> {
        self.quietly(true);
        let (own, other) = (self.tenants[0].org, self.tenants[1].org);
        let by = person(&self.tenants[0]);
        if let Some(alert) = self.alerts(other).await?.first() {
            let seen = alone(AlertStore::find(&*self.store, own, alert.id)).await?;
            self.store
                .state()
                .ledger
                .check(seen.is_none(), Invariant::I12Tenants, || {
                    format!("{own} reads alert {}", alert.id)
                });
            let reached = alone(self.actions().acknowledge(own, alert.id, by, None)).await;
            let found = !matches!(reached, Err(ActionError::NotFound));
            self.store
                .state()
                .ledger
                .check(!found, Invariant::I12Tenants, || {
                    format!("an alert of another organization: {reached:?}")
                });
        }
        let answers = Answers::default();
        let (ingest, writer) = Ingest::new(self.engine.clone(), self.config());
        let sent = Sent {
            org: own,
            unit: self.tenants[1].unit,
            recorded_at: self.now,
            milli: 20_000,
            door: None,
        };
        let tasks = vec![deliver(ingest, (own, vec![sent]), &answers)];
        concurrent::run(tasks, Box::pin(writer.run(std::future::pending())), None).await;
        self.quietly(false);
        let answers = answers.lock().expect("nobody panics holding answers");
        let refused = matches!(
            answers.first(),
            Some((_, Some(Ok(outcomes)))) if matches!(outcomes[..], [ReadingOutcome::Rejected { .. }])
        );
        self.store
            .state()
            .ledger
            .check(refused, Invariant::I12Tenants, || {
                format!("a reading of another organization's unit: {answers:?}")
            });
        Ok(())
    }

    /// Faults end, what is due is done, and, at the very end, everything arrives.
    async fn calm(&mut self, end: bool) -> Result<(), StoreError> {
        self.quietly(true);
        if end {
            for delivery in &mut self.on_its_way {
                delivery.at = self.now;
            }
            let answers = Answers::default();
            let due = std::mem::take(&mut self.on_its_way);
            for batch in self.batches(due) {
                let (ingest, writer) = Ingest::new(self.engine.clone(), self.config());
                let tasks = vec![deliver(ingest, batch, &answers)];
                let writer = Box::pin(writer.run(std::future::pending()));
                concurrent::run(tasks, writer, None).await;
            }
            self.take(&answers);
        }
        // a commit that met a conflict is repeated in the next round
        for _ in 0..3 {
            let idle: Task = Box::pin(std::future::pending());
            concurrent::run(vec![sweep(&self.engine)], idle, None).await;
        }
        let answered: BTreeSet<ReadingKey> = self.answered.keys().copied().collect();
        for (org, unit) in self.places() {
            let of = |keys: &BTreeSet<ReadingKey>| {
                let of = keys.iter().filter(|key| key.unit == unit);
                of.copied().collect::<BTreeSet<_>>()
            };
            let known = calm::Known {
                org,
                unit,
                sent: &of(&self.sent),
                answered: &of(&answered),
                timely: !self.stepping,
                now: self.clock.now(),
            };
            calm::check(&self.store, known).await?;
        }
        for tenant in &self.tenants {
            calm::check_alerts(&self.store, tenant.org, &self.units(tenant.org)).await?;
        }
        self.quietly(false);
        Ok(())
    }

    async fn outcome(self) -> Outcome {
        let mut hasher = DefaultHasher::new();
        for (org, unit) in self.places() {
            let loaded = self.store.inner.load(org, &[unit]).await;
            format!("{loaded:?}").hash(&mut hasher);
            let readings = calm::readings(&self.store.inner, org, unit).await;
            format!("{readings:?}").hash(&mut hasher);
        }
        let state = self.store.state();
        Outcome {
            violations: state.ledger.violations.clone(),
            tally: state.ledger.tally,
            fingerprint: hasher.finish(),
        }
    }
}

/// The services of a new process.
fn process(store: &Arc<SimStore>, clock: &SimClock, seed: u64, number: u64) -> Engine {
    Engine {
        store: Arc::clone(store) as Arc<dyn MonitorStore>,
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SequentialIds::new(seed.wrapping_mul(10_007) + number)),
    }
}

const fn key(sent: &Sent) -> ReadingKey {
    ReadingKey {
        unit: sent.unit,
        device: None,
        probe: 0,
        recorded_at: sent.recorded_at,
    }
}

const fn person(tenant: &Tenant) -> UserId {
    tenant.owner.id
}

const fn close(by: UserId) -> ResolveWish<'static> {
    ResolveWish {
        by,
        note: CLOSED,
        corrective_action: Some(ACTION),
    }
}
