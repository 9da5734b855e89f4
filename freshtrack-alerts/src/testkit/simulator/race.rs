//! Data and timer at the same instant: what each order makes of a unit.

use crate::cascade;
use crate::change::Loaded;
use crate::monitor::temperature::TemperatureAxis;
use crate::step::{Input, Observation, step};
use freshtrack_core::ids::OrgId;
use freshtrack_core::time::Timestamp;

/// The temperature axis after the timer and then the reading, and after the reading and then the timer.
pub(super) fn both_orders(
    loaded: &Loaded,
    org: OrgId,
    observed: Observation,
    now: Timestamp,
) -> Option<[TemperatureAxis; 2]> {
    let context = loaded.units.first()?;
    let (rules, _) = cascade::resolve(&loaded.rule_sets, org, &context.unit, &context.devices);
    Some([true, false].map(|timer_first| {
        let mut context = context.clone();
        let (facts, monitor) = context.split();
        for timer in [timer_first, !timer_first] {
            let mut observations = [observed];
            let input = if timer {
                Input::Tick
            } else {
                Input::Readings(&mut observations)
            };
            let _ = step(monitor, &rules, &facts, input, now);
        }
        monitor.temperature
    }))
}
