//! An evaluation under way: how a unit moves inside one step.

use crate::alert::{Alert, RaiseReason, Severity, Violated};
use crate::cascade::{EffectiveRules, seconds};
use crate::food_safety::defrost::Params;
use crate::food_safety::power_loss::AfterGap;
use crate::food_safety::series::Quality;
use crate::lifecycle::Refusal;
use crate::monitor::Monitor;
use crate::monitor::connectivity::ConnectivityAxis;
use crate::monitor::cooling_failure::OutRun;
use crate::monitor::defrost::{self, Confirmation, Defrost, Evidence};
use crate::monitor::device_health::ProbeSignal;
use crate::monitor::door::DoorAxis;
use crate::monitor::manual_duty;
use crate::monitor::temperature::{Evaluated, Judge, TemperatureAxis};
use crate::step::{AlertChange, Facts, Input, Judged, Observation, Step, UnitEvent};
use freshtrack_core::hierarchy::UnitStatus;
use freshtrack_core::ids::{AlertId, DeviceId};
use freshtrack_core::reading::{DoorState, Zone};
use freshtrack_core::temperature::Temperature;
use freshtrack_core::time::Timestamp;

/// An evaluation under way.
pub(crate) struct Run<'a> {
    pub(crate) m: &'a mut Monitor,
    pub(crate) rules: &'a EffectiveRules,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) now: Timestamp,
    /// What brought about the state changes that are noted next.
    pub(crate) reason: &'static str,
    /// Why alerts are raised that are raised next.
    pub(crate) raise_reason: RaiseReason,
    /// Alerts that changed and are not open any more.
    pub(crate) closed: Vec<Alert>,
    /// Alerts whose version was raised in this step.
    pub(crate) touched: Vec<AlertId>,
    pub(crate) raised: u32,
    pub(crate) alert_changes: Vec<AlertChange>,
    pub(crate) events: Vec<UnitEvent>,
    pub(crate) refused: Option<Refusal>,
    /// What the reading at hand found after a gap.
    pub(crate) after_gap: Option<AfterGap>,
    shown: Shown,
}

/// Displayed status, temperature and connectivity axis, and the end of a grace.
type Shown = (UnitStatus, &'static str, &'static str, Option<Timestamp>);

fn shown(m: &Monitor) -> Shown {
    let grace = m.defrost.as_ref().and_then(|defrost| defrost.grace_until());
    (
        m.status(),
        m.temperature.name(),
        m.connectivity.name(),
        grace,
    )
}

enum Timer {
    Temperature,
    Door(Severity),
    MaxExcursion,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        m: &'a mut Monitor,
        rules: &'a EffectiveRules,
        facts: &'a Facts<'a>,
        now: Timestamp,
    ) -> Self {
        let shown = shown(m);
        Self {
            m,
            rules,
            facts,
            now,
            reason: "clock",
            raise_reason: RaiseReason::ConditionStarted,
            closed: Vec::new(),
            touched: Vec::new(),
            raised: 0,
            alert_changes: Vec::new(),
            events: Vec::new(),
            refused: None,
            after_gap: None,
            shown,
        }
    }

    fn judge(&self) -> Judge<'a> {
        Judge {
            rules: self.rules,
            door: self.m.door,
            now: self.now,
            pack: self.confirmation(self.m.newest),
            doubtful: false,
            after_gap: None,
        }
    }

    /// What the defrost-aware pack says, if that is the unit's and it concerns `reading`.
    fn confirmation(&self, reading: Option<Evaluated>) -> Option<Confirmation> {
        let params = self.rules.defrost_params()?;
        let reading = reading.filter(|reading| defrost::concerns(self.rules, *reading))?;
        let zone = self.rules.zone(reading.temperature);
        let defrost = self.m.defrost.as_ref()?;
        Some(defrost.confirmation(&params, zone, self.now))
    }

    /// Tells the rule pack's state, if the unit has one; afterwards it is in line with the axis.
    fn with_defrost(&mut self, tell: impl FnOnce(&mut Defrost, &Params)) {
        match self.rules.defrost_params() {
            Some(params) => tell(self.m.defrost.get_or_insert_default(), &params),
            None => self.m.defrost = None,
        }
    }

    fn settle_defrost(&mut self) {
        let zone = self
            .m
            .newest
            .map(|newest| self.rules.zone(newest.temperature));
        let axis = self.m.temperature;
        if self.m.defrost.is_some() {
            self.with_defrost(|defrost, params| defrost.settle(params, &axis, zone));
        }
    }

    /// Fires what is due at or before `limit`, in order of deadline.
    pub(crate) fn fire_timers(&mut self, limit: Timestamp) {
        while let Some((deadline, timer)) = self.next_timer() {
            if deadline > limit {
                break;
            }
            let at = deadline.max(self.m.applied_at);
            self.reason = "timer";
            match timer {
                Timer::Temperature => {
                    if self.m.defrost.is_some() {
                        self.with_defrost(|defrost, params| defrost.tick(params, at));
                    }
                    let judge = self.judge();
                    self.m.temperature = self.m.temperature.on_timer(at, self.m.newest, &judge);
                    self.settle_defrost();
                }
                Timer::Door(reached) => {
                    if let DoorAxis::Open { alert, .. } = &mut self.m.door {
                        *alert = Some(reached);
                    }
                }
                Timer::MaxExcursion => self.tell_max_excursion(),
            }
            self.reconcile_observed(at);
        }
    }

    fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        let temperature = self
            .m
            .temperature
            .deadline()
            .map(|at| (at, Timer::Temperature));
        let longest = self.max_excursion_at().map(|at| (at, Timer::MaxExcursion));
        let door = self
            .m
            .door
            .deadline(self.rules)
            .map(|(at, reached)| (at, Timer::Door(reached)));
        [temperature, longest, door]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    fn max_excursion_at(&self) -> Option<Timestamp> {
        match &self.m.temperature {
            TemperatureAxis::Alarm { episode, .. }
                if !self.m.max_excursion_told && self.open_temperature_alert().is_some() =>
            {
                Some(episode.since + seconds(self.rules.max_excursion_seconds))
            }
            _ => None,
        }
    }

    /// Connectivity and manual duty as of now, and the alerts that hang on them or on the clock.
    pub(crate) fn judge_by_clock(&mut self, reason: &'static str) {
        self.reason = reason;
        let last = self.m.last_check_in();
        let (connectivity, _) = ConnectivityAxis::at(self.now, last, self.rules, self.facts.unit);
        self.m.connectivity = connectivity;
        self.m.manual_due_since =
            manual_duty::due_at(last, self.m.last_manual_log_at, self.rules, self.facts.unit)
                .filter(|due| *due <= self.now);
        self.reconcile_all();
        self.note_state();
    }

    /// Judges the newest reading again if rules changed since the last evaluation.
    pub(crate) fn follow_rules(&mut self, told: bool) {
        if !told && self.m.rules_version == self.rules.version {
            return;
        }
        self.m.rules_version = self.rules.version;
        self.m.applied_at = self.m.applied_at.max(self.now);
        self.reason = "rules_changed";
        self.raise_reason = RaiseReason::RulesChanged;
        let (now, newest) = (self.now, self.m.newest);
        let zone = newest.map(|newest| self.rules.zone(newest.temperature));
        self.with_defrost(|defrost, _| defrost.follow_rules(zone, now));
        let judge = self.judge();
        self.m.temperature = self.m.temperature.on_rules(newest, &judge);
        self.settle_defrost();
        self.reconcile_observed(self.now);
        self.raise_reason = RaiseReason::ConditionStarted;
    }

    /// Applies the input and answers what to call its consequences.
    pub(crate) fn apply(&mut self, input: Input<'_>) -> &'static str {
        match input {
            Input::Readings(observations) => {
                for observation in observations {
                    self.observe(observation);
                }
                return "reading";
            }
            Input::Tick => return "clock",
            Input::RulesChanged => return "rules_changed",
            Input::ManualLog { recorded_at } => {
                let at = recorded_at.min(self.now);
                self.m.last_manual_log_at = self.m.last_manual_log_at.max(Some(at));
                // whoever measures looks at the product
                self.m.product_check_since = self.m.product_check_since.filter(|since| at < *since);
                return "manual_log";
            }
            Input::Acknowledge { key, by, note } => self.acknowledge(key, by, note),
            Input::Resolve { key, wish } => self.resolve_as_wished(key, &wish),
            Input::ActionRecorded { key } => self.note_action(key),
            Input::Snooze { key, by, window } => self.snooze(key, by, window),
            Input::SuppressionsChanged(windows) => self.m.suppressions = windows,
            Input::DevicesChanged => return "device_changed",
        }
        "operator"
    }

    fn observe(&mut self, observation: &mut Observation) {
        let at = observation.recorded_at.min(self.now);
        self.after_gap = None;
        self.fire_timers(at);
        let (quality, signal) = self.judge_truth(observation, at);
        observation.judged = Judged {
            effective_at: at,
            clock_ahead: observation.recorded_at > self.now,
            late: false,
            zone: None,
        };
        self.reason = "reading";
        // a door that opens excuses the temperature beside it; one that closes does not accuse it
        let (opens, closes) = match observation.door {
            Some(DoorState::Open) => (Some(DoorState::Open), None),
            other => (None, other),
        };
        if let Some(state) = opens {
            self.door_reported(state, at, observation.device);
        }
        if let (true, Some(temperature)) = (observation.drives, observation.temperature) {
            let reading = Evaluated { at, temperature };
            observation.judged.late = self.m.newest.is_some_and(|newest| at < newest.at);
            if !observation.judged.late {
                observation.judged.zone = Some(self.rules.zone(temperature));
                self.evaluate(reading, quality);
            }
        }
        if let Some(state) = closes {
            self.door_reported(state, at, observation.device);
        }
        self.observe_device(observation, signal, at);
        self.reconcile_observed(at);
    }

    fn evaluate(&mut self, reading: Evaluated, quality: Quality) {
        let doubtful = quality != Quality::Good;
        let zone = match self.rules.zone(reading.temperature) {
            Zone::In if doubtful => Zone::Margin,
            zone => zone,
        };
        let after_gap = self.look_back(reading, quality);
        let evidence = Evidence {
            quality,
            after_gap,
            product: self.m.product.map(|product| product.temperature()),
        };
        self.with_defrost(|defrost, params| defrost.observe(params, reading, zone, evidence));
        let judge = Judge {
            pack: self.confirmation(Some(reading)),
            doubtful,
            after_gap: after_gap.filter(|_| !doubtful).map(|_| reading.at),
            ..self.judge()
        };
        self.m.temperature = self.m.temperature.on_reading(reading, &judge);
        self.judge_cooling(reading);
        self.m.newest = Some(reading);
        self.settle_defrost();
        self.m.applied_at = self.m.applied_at.max(reading.at);
    }

    /// Keeps the run of out-of-range readings and the suspicion that follows from it.
    fn judge_cooling(&mut self, reading: Evaluated) {
        let Some(side) = self.side_out(reading.temperature) else {
            self.m.run = None;
            if matches!(self.m.temperature, TemperatureAxis::Normal) {
                self.m.cooling_failure = None;
            }
            return;
        };
        let before = self.m.newest;
        let run = match self.m.run.take().filter(|run| run.side == side) {
            Some(run) => run,
            None => OutRun::begin(side, before.map(|newest| newest.at)),
        };
        let run = self.m.run.insert(run);
        run.push(reading);
        // while a defrost is suspected, a failure is not; that is bounded, and shown
        let pack = self.rules.defrost_params().zip(self.m.defrost.as_deref());
        let grace = pack.is_some_and(|(params, defrost)| defrost.suspects_defrost(&params));
        let judged = matches!(
            self.m.temperature,
            TemperatureAxis::Excursion { .. } | TemperatureAxis::Alarm { .. }
        ) && !matches!(self.m.door, DoorAxis::Open { .. })
            && !grace;
        if judged && self.m.cooling_failure.is_none() && run.is_suspicious(reading) {
            self.m.cooling_failure = Some(reading.at);
        }
    }

    fn side_out(&self, t: Temperature) -> Option<Violated> {
        if self.rules.temp_max.is_some_and(|max| max.is_above(t)) {
            Some(Violated::Max)
        } else if self.rules.temp_min.is_some_and(|min| min.is_below(t)) {
            Some(Violated::Min)
        } else {
            None
        }
    }

    pub(crate) fn door_reported(
        &mut self,
        state: DoorState,
        at: Timestamp,
        device: Option<DeviceId>,
    ) {
        if self.m.door_reported_at.is_some_and(|newest| at < newest) {
            return;
        }
        self.m.door_reported_at = Some(at);
        self.m.door_device = device;
        self.m.applied_at = self.m.applied_at.max(at);
        if self.m.door.state() == state {
            return;
        }
        let open_seconds = match self.m.door {
            DoorAxis::Open { since, .. } => Some((at - since).as_seconds()),
            DoorAxis::Closed | DoorAxis::Unknown => None,
        };
        self.m.door = DoorAxis::reported(state, at);
        self.events.push(UnitEvent::DoorChanged {
            device,
            state,
            at,
            open_seconds,
        });
        self.with_defrost(|defrost, params| defrost.door(params, state, at));
        let judge = self.judge();
        self.m.temperature = self.m.temperature.on_door(at, self.m.newest, &judge);
        self.settle_defrost();
    }

    fn observe_device(&mut self, observation: &Observation, signal: ProbeSignal, at: Timestamp) {
        let battery = (observation.battery_percent, observation.battery_mv);
        if signal == ProbeSignal::None && battery == (None, None) {
            return;
        }
        let id = observation.device;
        let devices = self.facts.devices;
        let device = devices.iter().find(|device| Some(device.id) == id);
        self.health_of(id).observe(at, signal, battery, device);
    }

    /// Notes a change of displayed status or axis since the last note.
    pub(crate) fn note_state(&mut self) {
        let shown = shown(self.m);
        if shown == self.shown {
            return;
        }
        let granted = shown.3.is_some() && shown.3 != self.shown.3;
        self.events.push(UnitEvent::StateChanged {
            from: self.shown.0,
            to: shown.0,
            temperature: shown.1,
            connectivity: shown.2,
            reason: if granted {
                "defrost_grace"
            } else {
                self.reason
            },
            grace_until: shown.3,
        });
        self.shown = shown;
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        if self.m.archived {
            return None;
        }
        let (m, unit, now) = (&*self.m, self.facts.unit, self.now);
        let last = m.last_check_in();
        let timer = self.next_timer().map(|(at, _)| at);
        let (_, connectivity) = ConnectivityAxis::at(now, last, self.rules, unit);
        let duty = manual_duty::due_at(last, m.last_manual_log_at, self.rules, unit);
        let windows = m
            .suppressions
            .iter()
            .flat_map(|window| [window.starts_at, window.ends_at]);
        let calibrations = self
            .facts
            .devices
            .iter()
            .filter_map(|device| device.calibration_due_at);
        [timer, connectivity, duty]
            .into_iter()
            .flatten()
            .chain(windows)
            .chain(m.reraises.iter().map(|reraise| reraise.at))
            .chain(m.alerts.iter().filter_map(|alert| alert.next_escalation_at))
            .chain(m.takes_over_at())
            .chain(m.alerts.iter().filter_map(|alert| self.lapses_at(alert)))
            .chain(calibrations)
            .filter(|at| *at > now)
            .min()
    }

    pub(crate) fn finish(self) -> Step {
        let next_deadline = self.next_deadline();
        let mut alerts = self.closed;
        alerts.extend(
            self.m
                .alerts
                .iter()
                .filter(|alert| self.touched.contains(&alert.id))
                .cloned(),
        );
        Step {
            status: self.m.status(),
            alerts,
            alert_changes: self.alert_changes,
            events: self.events,
            next_deadline,
            refused: self.refused,
        }
    }
}
