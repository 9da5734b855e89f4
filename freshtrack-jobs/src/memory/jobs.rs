//! The state behind [`MemoryQueue`](super::MemoryQueue): jobs and the orders they are found by.

use crate::job::{History, Job, JobId, JobKey, Lane, NewJob, QueueName, Reason, Tenant};
use crate::ports::{
    ClaimRequest, Claimed, Enqueued, JobState, JobView, Lease, Promoted, QueueError, Renewal,
};
use crate::queue_settings::QueueSettings;
use crate::retry::{CRASHES_MAX, Class, Decision, Failure};
use crate::wakeups::Look;
use freshtrack_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(super) type Address = (QueueName, JobId);
type Aged = BTreeSet<(Timestamp, u64, JobId)>;

/// Where a stored job stands.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Waiting,
    Active { token: Arc<str>, until: Timestamp },
    Done { at: Timestamp, reason: Reason },
    Dead { at: Timestamp },
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) job: Job,
    pub(super) seq: u64,
    pub(super) run_at: Timestamp,
    pub(super) stage: Stage,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) entries: BTreeMap<Address, Entry>,
    keys: HashMap<(QueueName, Tenant, JobKey), JobId>,
    due: HashMap<(QueueName, Lane), Aged>,
    leases: BTreeSet<(Timestamp, Address)>,
    finished: BTreeMap<(QueueName, JobState), Aged>,
    pub(super) paused: BTreeSet<(QueueName, Lane)>,
    free_at: HashMap<(QueueName, Lane), Timestamp>,
    seq: u64,
}

impl Jobs {
    pub(super) fn enqueue(&mut self, spec: NewJob, now: Timestamp) -> Enqueued {
        let key = (spec.queue().clone(), spec.tenant(), spec.key().clone());
        if let Some(id) = self.keys.get(&key) {
            return Enqueued::Duplicate(id.clone());
        }
        let id = spec.id();
        let address = (spec.queue().clone(), id.clone());
        self.keys.insert(key, id.clone());
        self.seq += 1;
        let history = History::new(spec.run_at(), now);
        let run_at = spec.run_at();
        let job = Job {
            id: id.clone(),
            spec,
            history,
        };
        self.entries.insert(
            address.clone(),
            Entry {
                job,
                seq: self.seq,
                run_at,
                stage: Stage::Waiting,
            },
        );
        self.put_in_line(&address, run_at);
        Enqueued::Created(id)
    }

    pub(super) fn look(
        &mut self,
        request: &ClaimRequest,
        settings: &QueueSettings,
        now: Timestamp,
    ) -> Look {
        let lane = (request.queue.clone(), request.lane);
        if self.paused.contains(&lane) {
            return Look::Nothing { next: None };
        }
        let Some(due) = self.due.get_mut(&lane) else {
            return Look::Nothing { next: None };
        };
        let ready = due
            .iter()
            .take_while(|(at, ..)| *at <= now)
            .take(request.max)
            .count();
        let mut take = ready;
        if let Some(rate) = settings.rate(&request.queue, request.lane) {
            let free_at = self.free_at.entry(lane).or_insert(Timestamp::MIN);
            (take, *free_at) = rate.admit(*free_at, ready, now);
            if take == 0 && ready > 0 {
                return Look::Nothing {
                    next: Some(*free_at),
                };
            }
        }
        if take == 0 {
            return Look::Nothing {
                next: due.first().map(|(at, ..)| *at),
            };
        }
        let taken: Vec<_> = (0..take).filter_map(|_| due.pop_first()).collect();
        Look::Found(
            taken
                .into_iter()
                .filter_map(|(.., id)| self.lease(id, request, now))
                .collect(),
        )
    }

    fn lease(&mut self, id: JobId, request: &ClaimRequest, now: Timestamp) -> Option<Claimed> {
        self.seq += 1;
        let token: Arc<str> = format!("{}:{}", request.worker.as_str(), self.seq).into();
        let until = now + request.lease;
        let address = (request.queue.clone(), id.clone());
        let entry = self.entries.get_mut(&address)?;
        entry.stage = Stage::Active {
            token: Arc::clone(&token),
            until,
        };
        self.leases.insert((until, address));
        let lease = Lease {
            queue: request.queue.clone(),
            lane: request.lane,
            job: id,
            token,
            length: request.lease,
        };
        Some(Claimed {
            lease,
            job: Ok(entry.job.clone()),
        })
    }

    /// The entry behind a lease whose token is the current one, and when that lease ends.
    fn held(&mut self, lease: &Lease) -> Option<(&mut Entry, Timestamp)> {
        let entry = self
            .entries
            .get_mut(&(lease.queue.clone(), lease.job.clone()))?;
        match &entry.stage {
            Stage::Active { token, until } if *token == lease.token => {
                let until = *until;
                Some((entry, until))
            }
            Stage::Active { .. } | Stage::Waiting | Stage::Done { .. } | Stage::Dead { .. } => None,
        }
    }

    pub(super) fn renew(&mut self, lease: &Lease, now: Timestamp) -> Renewal {
        let Some((entry, old)) = self.held(lease) else {
            return Renewal::Lost;
        };
        let until = now + lease.length;
        entry.stage = Stage::Active {
            token: Arc::clone(&lease.token),
            until,
        };
        let address = (lease.queue.clone(), lease.job.clone());
        self.leases.remove(&(old, address.clone()));
        self.leases.insert((until, address));
        Renewal::Held
    }

    pub(super) fn finish(
        &mut self,
        lease: &Lease,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let (_, until) = self.held(lease).ok_or(QueueError::LeaseLost)?;
        let address = (lease.queue.clone(), lease.job.clone());
        self.leases.remove(&(until, address.clone()));
        self.end(
            &address,
            Stage::Done {
                at: now,
                reason: reason.clone(),
            },
            now,
        );
        Ok(())
    }

    pub(super) fn fail(
        &mut self,
        lease: &Lease,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let (entry, until) = self.held(lease).ok_or(QueueError::LeaseLost)?;
        let address = (lease.queue.clone(), lease.job.clone());
        let back_at = match decision {
            Decision::Retry { run_at, failure } => {
                entry.job.history.attempts += 1;
                entry.job.history.last = Some(failure.clone());
                Some(*run_at)
            }
            Decision::Release { run_at } => Some(*run_at),
            Decision::Dead { failure } => {
                entry.job.history.attempts += 1;
                entry.job.history.last = Some(failure.clone());
                None
            }
        };
        self.leases.remove(&(until, address.clone()));
        match back_at {
            Some(run_at) => self.put_in_line(&address, run_at),
            None => self.end(&address, Stage::Dead { at: now }, now),
        }
        Ok(())
    }

    fn put_in_line(&mut self, address: &Address, run_at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(address) {
            entry.stage = Stage::Waiting;
            entry.run_at = run_at;
            let lane = (address.0.clone(), entry.job.spec.lane());
            self.due
                .entry(lane)
                .or_default()
                .insert((run_at, entry.seq, address.1.clone()));
        }
    }

    fn end(&mut self, address: &Address, stage: Stage, now: Timestamp) {
        let ended = if matches!(stage, Stage::Dead { .. }) {
            JobState::Dead
        } else {
            JobState::Done
        };
        if let Some(entry) = self.entries.get_mut(address) {
            entry.stage = stage;
            let line = self.finished.entry((address.0.clone(), ended)).or_default();
            line.insert((now, entry.seq, address.1.clone()));
        }
    }

    pub(super) fn promote(
        &mut self,
        settings: &QueueSettings,
        now: Timestamp,
        limit: usize,
    ) -> (Promoted, Vec<(QueueName, Lane)>) {
        let mut promoted = Promoted::default();
        let mut rung = Vec::new();
        for _ in 0..limit {
            let Some((until, _)) = self.leases.first() else {
                break;
            };
            if *until > now {
                break;
            }
            let Some((_, address)) = self.leases.pop_first() else {
                break;
            };
            let Some(entry) = self.entries.get_mut(&address) else {
                continue;
            };
            entry.job.history.crashes += 1;
            promoted.returned += 1;
            if entry.job.history.crashes >= CRASHES_MAX {
                entry.job.history.last = Some(Failure::known(Class::Crashed, "poison"));
                promoted.poisoned += 1;
                self.end(&address, Stage::Dead { at: now }, now);
            } else {
                rung.push((address.0.clone(), entry.job.spec.lane()));
                self.put_in_line(&address, now);
            }
        }
        promoted.removed = self.prune(settings, now, limit);
        (promoted, rung)
    }

    fn prune(&mut self, settings: &QueueSettings, now: Timestamp, limit: usize) -> u64 {
        let mut gone = Vec::new();
        for ((queue, state), line) in &mut self.finished {
            let kept = settings.retention(queue);
            let (count, age) = match state {
                JobState::Dead => (kept.dead, kept.dead_age),
                JobState::Done | JobState::Waiting | JobState::Delayed | JobState::Active => {
                    (kept.done, kept.done_age)
                }
            };
            while gone.len() < limit {
                let Some((at, ..)) = line.first() else { break };
                if line.len() <= count && now - *at < age {
                    break;
                }
                if let Some((.., id)) = line.pop_first() {
                    gone.push((queue.clone(), id));
                }
            }
        }
        let removed = gone.len();
        for address in gone {
            self.forget(&address);
        }
        u64::try_from(removed).unwrap_or(u64::MAX)
    }

    fn forget(&mut self, address: &Address) -> Option<Entry> {
        let entry = self.entries.remove(address)?;
        let spec = &entry.job.spec;
        self.keys
            .remove(&(address.0.clone(), spec.tenant(), spec.key().clone()));
        Some(entry)
    }

    /// Takes a job out of every order; the caller knows that no worker has it.
    pub(super) fn remove(&mut self, address: &Address) {
        let Some(entry) = self.forget(address) else {
            return;
        };
        let lane = (address.0.clone(), entry.job.spec.lane());
        if let Some(line) = self.due.get_mut(&lane) {
            line.remove(&(entry.run_at, entry.seq, address.1.clone()));
        }
        self.unfinish(address, &entry);
    }

    fn unfinish(&mut self, address: &Address, entry: &Entry) {
        let (state, at) = match entry.stage {
            Stage::Done { at, .. } => (JobState::Done, at),
            Stage::Dead { at } => (JobState::Dead, at),
            Stage::Waiting | Stage::Active { .. } => return,
        };
        if let Some(line) = self.finished.get_mut(&(address.0.clone(), state)) {
            line.remove(&(at, entry.seq, address.1.clone()));
        }
    }

    pub(super) fn requeue(&mut self, address: &Address, now: Timestamp) {
        let Some(entry) = self.entries.get(address).cloned() else {
            return;
        };
        self.unfinish(address, &entry);
        if let Some(entry) = self.entries.get_mut(address) {
            entry.job.history = History::new(now, entry.job.history.enqueued_at);
        }
        self.put_in_line(address, now);
    }

    /// Dead jobs of a queue, oldest first.
    pub(super) fn dead(&self, queue: &QueueName) -> impl Iterator<Item = &Entry> {
        self.finished
            .get(&(queue.clone(), JobState::Dead))
            .into_iter()
            .flatten()
            .filter_map(|(.., id)| self.entries.get(&(queue.clone(), id.clone())))
    }
}

impl Entry {
    pub(super) fn state(&self, now: Timestamp) -> JobState {
        match self.stage {
            Stage::Waiting if self.run_at > now => JobState::Delayed,
            Stage::Waiting => JobState::Waiting,
            Stage::Active { .. } => JobState::Active,
            Stage::Done { .. } => JobState::Done,
            Stage::Dead { .. } => JobState::Dead,
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> JobView {
        let (spec, history) = (&self.job.spec, &self.job.history);
        let (finished_at, reason) = match &self.stage {
            Stage::Done { at, reason } => (Some(*at), Some(reason.to_string())),
            Stage::Dead { at } => (Some(*at), None),
            Stage::Waiting | Stage::Active { .. } => (None, None),
        };
        JobView {
            id: self.job.id.clone(),
            queue: spec.queue().clone(),
            lane: spec.lane(),
            tenant: Some(spec.tenant()),
            kind: spec.kind().to_string(),
            version: spec.version(),
            key: Some(spec.key().clone()),
            payload: Some(spec.payload().clone()),
            state: self.state(now),
            attempts: history.attempts,
            crashes: history.crashes,
            class: history.last.as_ref().map(|failure| failure.class),
            code: history
                .last
                .as_ref()
                .and_then(|failure| failure.code.clone()),
            reason,
            enqueued_at: history.enqueued_at,
            run_at: self.run_at,
            finished_at,
        }
    }

    pub(super) fn waited_since(&self, now: Timestamp) -> Option<Timestamp> {
        (self.state(now) == JobState::Waiting).then_some(self.run_at)
    }

    /// Whether a worker has the job.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.stage, Stage::Active { .. })
    }
}
