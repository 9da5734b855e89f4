//! What a reading means by those before it, inside a step: whether it is to be believed, what a gap may
//! have hidden, what the product feels, and where the unit drifts.

use crate::cascade::seconds;
use crate::food_safety::lattice::{Operator, Threshold};
use crate::food_safety::power_loss::{self, AfterGap, Warming};
use crate::food_safety::product_model::Lag;
use crate::food_safety::series::Quality;
use crate::monitor::device_health::{DeviceHealth, ProbeSignal};
use crate::monitor::product::Product;
use crate::monitor::temperature::Evaluated;
use crate::run::Run;
use crate::step::{Advice, Observation, UnitEvent};
use freshtrack_core::ids::DeviceId;
use freshtrack_core::reading::Zone;
use freshtrack_core::temperature::{Boundary, Limit};
use freshtrack_core::time::{Span, Timestamp};

impl Run<'_> {
    /// What is remembered of a device, or of the readings that name none.
    pub(crate) fn health_of(&mut self, device: Option<DeviceId>) -> &mut DeviceHealth {
        let devices = &mut self.m.devices;
        let known = devices.iter().position(|health| health.device == device);
        let index = known.unwrap_or_else(|| {
            devices.push(DeviceHealth {
                device,
                ..DeviceHealth::default()
            });
            devices.len() - 1
        });
        &mut devices[index]
    }

    /// Whether the reading may be believed, and what it says about its probe.
    pub(crate) fn judge_truth(
        &mut self,
        observation: &Observation,
        at: Timestamp,
    ) -> (Quality, ProbeSignal) {
        match (
            observation.raw.or(observation.temperature),
            observation.signal,
        ) {
            (Some(raw), ProbeSignal::Plausible) => {
                let siblings = observation.siblings;
                self.health_of(observation.device).judge(at, raw, siblings)
            }
            (_, signal) => (Quality::Good, signal),
        }
    }

    /// Takes the time since the reading before. Answers what ended, if that was a gap in which the power
    /// may have been gone.
    pub(crate) fn look_back(&mut self, reading: Evaluated, quality: Quality) -> Option<Span> {
        let before = self.m.newest;
        if quality == Quality::Good {
            self.follow_product(reading);
        }
        let before = before?;
        if quality == Quality::Good {
            self.follow_days(before, reading);
        }
        let length = reading.at - before.at;
        let cadence = self.rules.check_in_interval();
        if !power_loss::is_gap(length, cadence) {
            return None;
        }
        self.after_gap = self.gap_hides(before, reading);
        if let Some(AfterGap::Unproven {
            gap_from,
            length,
            possible,
        }) = self.after_gap.filter(|_| quality == Quality::Good)
        {
            self.m.product_check_since.get_or_insert(reading.at);
            self.events.push(UnitEvent::Advised(Advice::ProductCheck {
                gap_from,
                length,
                possible,
            }));
        }
        Some(length)
    }

    fn gap_hides(&self, before: Evaluated, reading: Evaluated) -> Option<AfterGap> {
        if self.rules.zone(reading.temperature) == Zone::Out {
            return Some(AfterGap::Violates {
                gap_from: before.at,
                length: reading.at - before.at,
                found: reading.temperature,
            });
        }
        let warming = Warming {
            tau: seconds(self.rules.warming_tau_seconds),
            ambient: self.rules.warming_ambient,
        };
        let (last, first) = (
            (before.at, before.temperature),
            (reading.at, reading.temperature),
        );
        let violates = above(self.rules.temp_max?);
        let cadence = self.rules.check_in_interval();
        power_loss::after_gap(last, first, violates, cadence, warming)
    }

    fn follow_product(&mut self, reading: Evaluated) {
        let tau = seconds(self.rules.product_tau_seconds);
        self.m.product = (tau > Span::ZERO).then(|| {
            let cadence = self.rules.check_in_interval().as_micros();
            let gap_limit = Span::from_micros(cadence.saturating_mul(3) / 2);
            Product::after(self.m.product, Lag { tau, gap_limit }, reading)
        });
    }

    fn follow_days(&mut self, before: Evaluated, reading: Evaluated) {
        let began = self.facts.unit.monitoring_started_at;
        let cadence = self.rules.check_in_interval();
        let limit = self.rules.temp_max.map(|limit| limit.temperature());
        let days = self.m.day_means.get_or_insert_default();
        for (advisory, mean) in days.observe(began, before, reading, cadence, limit) {
            let drift = Advice::Drift { advisory, mean };
            self.events.push(UnitEvent::Advised(drift));
        }
    }
}

/// The breach condition of an upper limit.
const fn above(limit: Limit) -> Threshold {
    Threshold {
        op: match limit.boundary {
            Boundary::Safe => Operator::Above,
            Boundary::Violates => Operator::AtOrAbove,
        },
        milli: limit.milli,
        unit: limit.unit,
    }
}
