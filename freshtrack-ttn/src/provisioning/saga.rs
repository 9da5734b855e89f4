//! Where a device's registration or removal stands, and what comes next.
//!
//! A pure value. [`Saga::next`] names the call to make, [`Saga::after`] takes its outcome; between the two
//! the value is stored, so a run that dies anywhere goes on where it was. Laws:
//!
//! - complete means seen on four planes (or gone from four), not answered by four;
//! - a call of unknown outcome is never compensated: the plane is read again and the rest follows;
//! - compensation removes only what this run created, last made first, and is not over before all is gone;
//! - nothing waits for ever and nothing retries for ever: [`RETRIES`], [`WAITS`], then it stands still,
//!   visible, until somebody says [`Saga::resume`].

use super::enrolment::{DeviceRef, Enrolment};
use super::fault::{Conflict, FaultClass, LnsFault};
use super::plane::{Plane, PlaneSet};
use super::rights::Right;
use crate::ids::{ApplicationId, DeviceName};
use crate::ports::{PlaneRecord, WriteMode};
use freshtrack_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Waits between tries of a call whose outcome is unknown.
pub const RETRIES: [Span; 5] = [
    Span::from_minutes(1),
    Span::from_minutes(5),
    Span::from_minutes(15),
    Span::from_minutes(60),
    Span::from_minutes(240),
];
/// How often a network may ask to wait before the saga stands still.
pub const WAITS: u8 = 5;

/// What a saga is to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The device is on all four planes.
    Provision,
    /// It is on none.
    Deprovision,
}

/// Where it stands, in the one spelling used everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum SagaState {
    /// No call has been made.
    NotStarted,
    /// At work on a plane.
    Running(Plane),
    /// Done, and seen to be done.
    Complete,
    /// Stands still at a plane; goes on by itself if [`Saga::not_before`] is set, else when resumed.
    Incomplete(Plane),
    /// Taking back what it created; next is this plane.
    Compensating(Plane),
    /// Will not succeed as it is; all that this run created is gone.
    Failed(Failure),
}

/// Why a saga failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[non_exhaustive]
pub enum Failure {
    /// The key lacks rights.
    Rights {
        /// Which, where known.
        missing: BTreeSet<Right>,
    },
    /// The ids belong to somebody else.
    ForeignConflict {
        /// The application, if the network said.
        application: Option<ApplicationId>,
    },
    /// The device is in our application under another name: adopt it, or remove it by hand.
    AdoptionOffered {
        /// That name.
        device: DeviceName,
    },
    /// The ids are taken, and not by what an earlier run left.
    Conflict,
    /// The network refused the request.
    Refused {
        /// Its name of the error.
        error: Option<String>,
    },
    /// The join plane has no key, and the key was dropped.
    KeyMissing,
    /// Somebody said so.
    Cancelled,
}

/// What a run is doing at its plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Doing {
    Read,
    Create,
    Update,
    Sweep,
    Verify,
    Delete,
}

/// The call to make next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Read the plane.
    Read(Plane),
    /// Write the plane.
    Write(Plane, WriteMode),
    /// Remove from the plane.
    Delete(Plane),
    /// Remove what earlier runs left under names this device had, from planes this run did not write.
    Sweep,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What [`Call::Read`] found.
    Found(Option<PlaneRecord>),
    /// The others succeeded.
    Done,
    /// It did not.
    Fault(LnsFault),
    /// The join plane wants a key and there is none.
    NoKey,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This call, now.
    Call(Call),
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing, unless somebody resumes it.
    Rest,
}

/// The registration or removal of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saga {
    /// What it is to bring about.
    pub goal: Goal,
    /// The device.
    pub enrolment: Enrolment,
    /// Names the device had before, for sweeping; bounded by [`Saga::FORMER_NAMES`].
    pub former_names: Vec<DeviceName>,
    /// Where it stands.
    pub state: SagaState,
    doing: Doing,
    /// What this run created and has not removed.
    pub created: PlaneSet,
    /// How often the present call had no known outcome.
    pub attempt: u8,
    waits: u8,
    mismatches: u8,
    swept: bool,
    failing: Option<Failure>,
    cancelled: bool,
    /// When it goes on by itself.
    pub not_before: Option<Timestamp>,
    /// The last fault.
    pub last_fault: Option<LnsFault>,
    /// The key was not accepted: its connection should be suspended and its people told.
    pub credential_refused: bool,
}

impl Saga {
    /// The most former names that are kept.
    pub const FORMER_NAMES: usize = 8;

    /// A saga that has not made a call.
    #[must_use]
    pub const fn new(goal: Goal, enrolment: Enrolment) -> Self {
        Self {
            goal,
            enrolment,
            former_names: Vec::new(),
            state: SagaState::NotStarted,
            doing: Doing::Read,
            created: PlaneSet::from_none(),
            attempt: 0,
            waits: 0,
            mismatches: 0,
            swept: false,
            failing: None,
            cancelled: false,
            not_before: None,
            last_fault: None,
            credential_refused: false,
        }
    }

    /// The device it is about.
    #[must_use]
    pub const fn device(&self) -> &DeviceRef {
        &self.enrolment.device
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_at_rest(&self) -> bool {
        match self.state {
            SagaState::Complete | SagaState::Failed(_) => true,
            SagaState::Incomplete(_) => self.not_before.is_none(),
            SagaState::NotStarted | SagaState::Running(_) | SagaState::Compensating(_) => false,
        }
    }

    /// Asks for everything to be taken back; takes effect before the next call.
    pub fn cancel(&mut self) {
        if self.goal == Goal::Provision && self.state != SagaState::Complete {
            self.cancelled = true;
            self.not_before = None;
        }
    }

    /// Starts again after standing still or failing, with all tries before it.
    pub fn resume(&mut self) {
        let plane = match self.state {
            SagaState::Incomplete(plane) => plane,
            SagaState::Failed(_) => self.first(),
            _ => return,
        };
        self.attempt = 0;
        self.waits = 0;
        self.mismatches = 0;
        self.swept = false;
        self.failing = None;
        self.cancelled = false;
        self.credential_refused = false;
        self.enter(plane);
    }

    /// The other way round: from wherever it stands towards the other goal.
    pub fn turn(&mut self, goal: Goal) {
        if self.goal == goal {
            return;
        }
        let created = self.created;
        let names = std::mem::take(&mut self.former_names);
        *self = Self {
            former_names: names,
            created,
            ..Self::new(goal, self.enrolment.clone())
        };
    }

    /// What comes next at `now`. Changes the value where that is decided without a call.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Next::Wait(at);
        }
        if std::mem::take(&mut self.cancelled) && !self.is_compensating() {
            self.compensate(Failure::Cancelled);
        }
        match self.state {
            SagaState::NotStarted => self.enter(self.first()),
            SagaState::Incomplete(plane) if self.not_before.is_some() => self.enter(plane),
            _ => {}
        }
        self.not_before = None;
        match self.state {
            SagaState::Running(plane) => Next::Call(self.call(plane)),
            SagaState::Compensating(plane) => Next::Call(Call::Delete(plane)),
            _ => Next::Rest,
        }
    }

    const fn call(&self, plane: Plane) -> Call {
        match self.doing {
            Doing::Read | Doing::Verify => Call::Read(plane),
            Doing::Create => Call::Write(plane, WriteMode::Create),
            Doing::Update => Call::Write(plane, WriteMode::Update),
            Doing::Sweep => Call::Sweep,
            Doing::Delete => Call::Delete(plane),
        }
    }

    /// Takes the outcome of the call that [`Self::next`] named. `jitter` in 0..=1 spreads retries.
    pub fn after(&mut self, outcome: Outcome, now: Timestamp, jitter: f64) {
        match (self.state.clone(), outcome) {
            (SagaState::Running(plane), Outcome::Found(record)) => self.found(plane, record, now),
            (SagaState::Running(plane), Outcome::Done) => self.done(plane),
            (SagaState::Running(plane), Outcome::NoKey) => {
                self.created.remove(plane);
                self.compensate(Failure::KeyMissing);
            }
            (SagaState::Running(plane), Outcome::Fault(fault)) => {
                self.fault(plane, fault, now, jitter);
            }
            (SagaState::Compensating(plane), Outcome::Done) => {
                self.created.remove(plane);
                self.attempt = 0;
                self.keep_compensating();
            }
            (SagaState::Compensating(_), Outcome::Fault(fault)) => {
                self.not_before = Some(now + self.pause(&fault, jitter));
                self.last_fault = Some(fault);
            }
            _ => {}
        }
    }

    fn found(&mut self, plane: Plane, record: Option<PlaneRecord>, now: Timestamp) {
        let ours = record.as_ref().map(|r| r.is_of(&self.enrolment));
        match (self.goal, self.doing, ours) {
            (Goal::Provision, Doing::Verify, Some(true))
            | (Goal::Deprovision, Doing::Verify, None) => self.verified(plane),
            // What was answered is not what stands there: once more from this plane, but not for ever.
            (_, Doing::Verify, _) => {
                self.attempt = self.mismatches;
                self.mismatches = self.mismatches.saturating_add(1);
                self.retry_later(plane, now, 0.0);
            }
            (_, _, None) => {
                self.created.insert(plane);
                self.doing = Doing::Create;
            }
            (_, _, Some(false)) => self.compensate(Failure::Conflict),
            (_, _, Some(true)) => {
                let label = record.and_then(|r| r.label);
                if plane == Plane::Identity && label.as_ref() == Some(&self.enrolment.label) {
                    self.done(plane);
                } else {
                    self.doing = Doing::Update;
                }
            }
        }
    }

    fn done(&mut self, plane: Plane) {
        self.attempt = 0;
        self.waits = 0;
        if self.doing == Doing::Sweep {
            self.enter(plane);
            return;
        }
        let next = match self.goal {
            Goal::Provision => plane.next(),
            Goal::Deprovision => plane.previous(),
        };
        if let Some(next) = next {
            self.enter(next);
        } else {
            self.state = SagaState::Running(Plane::Identity);
            self.doing = Doing::Verify;
        }
    }

    fn verified(&mut self, plane: Plane) {
        if let Some(next) = plane.next() {
            self.state = SagaState::Running(next);
        } else {
            self.state = SagaState::Complete;
            self.created = PlaneSet::default();
            self.last_fault = None;
        }
    }

    fn fault(&mut self, plane: Plane, fault: LnsFault, now: Timestamp, jitter: f64) {
        let class = fault.class.clone();
        self.last_fault = Some(fault);
        // A creation that was definitely refused made nothing: the plane was read as empty just before.
        let definite = !matches!(
            class,
            FaultClass::OutcomeUnknown | FaultClass::RateLimited { .. } | FaultClass::Credential
        );
        if definite && self.doing == Doing::Create {
            self.created.remove(plane);
        }
        match class {
            FaultClass::RateLimited { retry_after } => {
                self.waits = self.waits.saturating_add(1);
                if self.waits > WAITS {
                    self.stand_still(plane, None);
                } else {
                    self.not_before = Some(now + retry_after);
                }
            }
            FaultClass::OutcomeUnknown => self.retry_later(plane, now, jitter),
            FaultClass::Credential => {
                self.credential_refused = true;
                self.stand_still(plane, None);
            }
            FaultClass::Rights { missing } => self.give_up(Failure::Rights { missing }),
            FaultClass::Conflict(conflict) => self.conflict(conflict),
            FaultClass::Refused | FaultClass::Absent => {
                let error = self.last_fault.as_ref().and_then(|f| f.name.clone());
                self.give_up(Failure::Refused { error });
            }
        }
    }

    fn conflict(&mut self, conflict: Conflict) {
        let own = &self.enrolment.device;
        let failure = match conflict {
            Conflict::Device {
                application: Some(application),
                device: Some(device),
            } if application == own.application => {
                if device == own.name || self.former_names.contains(&device) {
                    None
                } else {
                    Some(Failure::AdoptionOffered { device })
                }
            }
            Conflict::Device { application, .. } => Some(Failure::ForeignConflict { application }),
            Conflict::OtherTenant => Some(Failure::ForeignConflict { application: None }),
            Conflict::Leftover => None,
        };
        match failure {
            Some(failure) => self.give_up(failure),
            None if self.swept => self.give_up(Failure::Conflict),
            None => {
                self.swept = true;
                self.doing = Doing::Sweep;
            }
        }
    }

    /// A definite failure: creation is taken back, removal stands as far as it came.
    fn give_up(&mut self, failure: Failure) {
        match self.goal {
            Goal::Provision => self.compensate(failure),
            Goal::Deprovision => {
                self.state = SagaState::Failed(failure);
                self.not_before = None;
            }
        }
    }

    fn compensate(&mut self, failure: Failure) {
        self.failing = Some(failure);
        self.attempt = 0;
        self.not_before = None;
        self.keep_compensating();
    }

    fn keep_compensating(&mut self) {
        self.state = match self.created.next_to_remove() {
            Some(plane) => SagaState::Compensating(plane),
            None => SagaState::Failed(self.failing.take().unwrap_or(Failure::Cancelled)),
        };
    }

    const fn is_compensating(&self) -> bool {
        matches!(self.state, SagaState::Compensating(_))
    }

    fn retry_later(&mut self, plane: Plane, now: Timestamp, jitter: f64) {
        let pause = RETRIES
            .get(usize::from(self.attempt))
            .map(|span| spread(*span, jitter));
        self.attempt = self.attempt.saturating_add(1);
        self.stand_still(plane, pause.map(|pause| now + pause));
    }

    fn stand_still(&mut self, plane: Plane, until: Option<Timestamp>) {
        self.state = SagaState::Incomplete(plane);
        self.not_before = until;
    }

    /// How long compensation waits after a fault: it never gives up.
    fn pause(&mut self, fault: &LnsFault, jitter: f64) -> Span {
        let step = usize::from(self.attempt).min(RETRIES.len() - 1);
        self.attempt = self.attempt.saturating_add(1);
        match fault.class {
            FaultClass::RateLimited { retry_after } => retry_after,
            _ => spread(RETRIES[step], jitter),
        }
    }

    fn enter(&mut self, plane: Plane) {
        self.state = SagaState::Running(plane);
        self.not_before = None;
        self.doing = match self.goal {
            Goal::Provision => Doing::Read,
            Goal::Deprovision => Doing::Delete,
        };
    }

    const fn first(&self) -> Plane {
        match self.goal {
            Goal::Provision => Plane::Identity,
            Goal::Deprovision => Plane::Application,
        }
    }
}

/// A pause up to a quarter longer, so that many sagas do not come back together.
fn spread(pause: Span, jitter: f64) -> Span {
    let millis = pause.as_micros() / 1_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "at most a quarter of four hours in milliseconds"
    )]
    let extra = (millis as f64 / 4.0 * jitter.clamp(0.0, 1.0)) as i64;
    Span::from_micros((millis + extra) * 1_000)
}
