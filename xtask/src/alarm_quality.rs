//! `cargo xtask alarm-quality`: what each rule pack does on the simulated fleet.
//!
//! Per fleet the rules by themselves (a plain limit of 15 and of 90 minutes, and the defrost-aware
//! tracker), then the holdout fleet through the whole engine with each rule pack, every reading a step and
//! every timer a tick. The engine's tables take fewer units, because they are more work.

use freshtrack_alerts::food_safety::defrost::Params;
use freshtrack_alerts::food_safety::fleet::{
    DefrostAware, Doors, Fleet, PlainThreshold, Report, ThroughEngine, freezer_unit, report,
};
use freshtrack_alerts::rules::RulePack;
use freshtrack_core::temperature::Limit;
use freshtrack_core::time::Span;

const LIMIT: Limit = Limit::celsius(-18_000);
/// The delay of the defrost-aware rule, and one that is as quiet as it.
const PLAIN_DELAYS: [i64; 2] = [15, 90];

/// Arguments of `alarm-quality`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Units per cadence that are run through the engine; 0 for none.
    #[arg(long, default_value_t = 2)]
    engine_units: u32,
    /// Healthy days of each of them.
    #[arg(long, default_value_t = 7)]
    engine_days: u32,
}

/// Prints the tables.
pub(crate) fn run(args: &Args) {
    let shut = |fleet| Fleet {
        doors: Doors::Shut,
        ..fleet
    };
    for (name, fleet) in [
        ("tuning fleet", Fleet::TUNING),
        ("holdout fleet", Fleet::HOLDOUT),
        ("holdout fleet, doors shut", shut(Fleet::HOLDOUT)),
    ] {
        for minutes in PLAIN_DELAYS {
            let delay = Span::from_minutes(minutes);
            let plain = report(fleet, |_| PlainThreshold::new(LIMIT, delay));
            show(
                name,
                &format!("rule alone, plain limit {minutes} min"),
                &plain,
            );
        }
        let aware = report(fleet, |cadence| {
            DefrostAware::new(Params::freezer(LIMIT, cadence))
        });
        show(name, "rule alone, defrost_aware", &aware);
    }
    if args.engine_units == 0 {
        return;
    }
    let fleet = Fleet {
        units: args.engine_units,
        days: args.engine_days,
        ..Fleet::HOLDOUT
    };
    let unit = freezer_unit();
    for (doors, fleet) in [("", fleet), (", doors shut", shut(fleet))] {
        let name = format!(
            "holdout fleet{doors}, {} units, {} days",
            args.engine_units, args.engine_days
        );
        for pack in RulePack::ALL {
            let through = report(fleet, |cadence| {
                ThroughEngine::new(&unit, *pack, LIMIT, cadence)
            });
            show(&name, &format!("engine, {pack}"), &through);
        }
    }
}

fn show(fleet: &str, rule: &str, figures: &Report) {
    println!("{fleet}: {rule}\n{figures}");
}
