//! A calm moment: nothing fails, everything due is done. Then what was sent must show.

use super::Invariant;
use super::ledger::{CONFIRM_MAX, Ledger};
use super::store::SimStore;
use crate::alert::{AlertKey, AlertStatus, AlertType};
use crate::change::UnitContext;
use crate::memory::MemoryStore;
use crate::monitor::temperature::{BACKLOG_SETTLE, TemperatureAxis};
use crate::ports::{AlertFilter, AlertStore, MonitorStore};
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{OrgId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::ports::{ReadingOrder, ReadingQuery, ReadingStore};
use freshtrack_core::reading::{Reading, ReadingKey};
use freshtrack_core::time::{Span, Timestamp};
use std::collections::BTreeSet;

/// Longest grace an open door gives.
const HOLD: Span = Span::from_seconds(1_200);
/// Above every upper limit of the simulation.
const WARM: i32 = 6_100;
/// In range under every rule of the simulation.
const GOOD: std::ops::Range<i32> = 1_200..3_200;
const PAGE: PageRequest<(Timestamp, Option<freshtrack_core::ids::DeviceId>, u8)> = PageRequest {
    limit: 60_000,
    after: None,
};

/// All stored readings of a unit, oldest first.
pub(super) async fn readings(
    store: &MemoryStore,
    org: OrgId,
    unit: UnitId,
) -> Result<Vec<Reading>, StoreError> {
    let query = ReadingQuery {
        unit,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        order: ReadingOrder::OldestFirst,
    };
    Ok(ReadingStore::list(store, org, query, PAGE).await?.items)
}

/// What the world knows of a unit without asking the engine.
pub(super) struct Known<'a> {
    pub(super) org: OrgId,
    pub(super) unit: UnitId,
    /// Ever sent.
    pub(super) sent: &'a BTreeSet<ReadingKey>,
    /// Answered as accepted or known.
    pub(super) answered: &'a BTreeSet<ReadingKey>,
    /// Whether the clock was always right, so that times can be judged.
    pub(super) timely: bool,
    pub(super) now: Timestamp,
}

/// Checks one unit.
pub(super) async fn check(store: &SimStore, known: Known<'_>) -> Result<(), StoreError> {
    let stored = readings(&store.inner, known.org, known.unit).await?;
    let loaded = store.inner.load(known.org, &[known.unit]).await?;
    let Some(context) = loaded.and_then(|loaded| loaded.units.into_iter().next()) else {
        return Ok(());
    };
    let due = store.inner.due(known.now, 1_000).await?;
    let mut state = store.state();
    let ledger = &mut state.ledger;
    ledger.check(
        !due.contains(&(known.org, known.unit)) && !overdue(&context, known.now),
        Invariant::I4Timers,
        || format!("{} is still due at {}", known.unit, known.now),
    );
    record(ledger, &known, &stored);
    conditions(ledger, &context);
    for window in &context.monitor.suppressions {
        ledger.check(window.ends_at > known.now, Invariant::I9QuietEnds, || {
            format!("quiet until {} at {}", window.ends_at, known.now)
        });
    }
    if known.timely {
        in_time(ledger, &known, &context, &stored);
    }
    Ok(())
}

fn overdue(context: &UnitContext, now: Timestamp) -> bool {
    let deadline = context.monitor.temperature.deadline();
    deadline.is_some_and(|deadline| deadline.max(context.monitor.evaluated_at) < now)
}

/// The record is the sorted set of what was answered, without anything nobody sent.
fn record(ledger: &mut Ledger, known: &Known<'_>, stored: &[Reading]) {
    let keys: BTreeSet<ReadingKey> = stored.iter().map(Reading::key).collect();
    for key in known.answered.difference(&keys) {
        ledger.broken(Invariant::I1Durable, format!("{key:?} is lost"));
    }
    for key in keys.difference(known.sent) {
        ledger.broken(Invariant::I3SortedSet, format!("{key:?} was never sent"));
    }
}

/// What holds has an alert, is kept quiet, or waits to be raised again.
fn conditions(ledger: &mut Ledger, context: &UnitContext) {
    let m = &context.monitor;
    let key = AlertKey {
        alert_type: AlertType::TempExcursion,
        device: None,
    };
    let seen = m.open_alert(key).is_some()
        || m.held_back.iter().any(|held| held.key == key)
        || m.reraises.iter().any(|reraise| reraise.key == key);
    let holds = m.temperature.episode().is_some();
    ledger.check(!holds || seen, Invariant::Raised, || {
        format!("{:?} of {} has no alert", m.temperature, context.unit.id)
    });
}

/// Excursions are confirmed, silence is noticed, and what is good again is shown as that.
fn in_time(ledger: &mut Ledger, known: &Known<'_>, context: &UnitContext, stored: &[Reading]) {
    let m = &context.monitor;
    let evaluated: Vec<(&Reading, i32)> = stored
        .iter()
        .filter(|reading| reading.zone.is_some())
        .filter_map(|reading| Some((reading, reading.temperature?.milli_celsius())))
        .collect();
    let warm = evaluated
        .iter()
        .rev()
        .take_while(|(_, milli)| *milli > WARM);
    if let Some((first, _)) = warm.last() {
        let latest =
            (first.recorded_at + HOLD + CONFIRM_MAX).max(first.received_at + BACKLOG_SETTLE) + HOLD;
        let alarm = matches!(m.temperature, TemperatureAxis::Alarm { .. });
        ledger.check(alarm || known.now < latest, Invariant::I4Timers, || {
            let since = first.recorded_at;
            format!("warm since {since}, at {} {:?}", known.now, m.temperature)
        });
    }
    let tail = evaluated.get(evaluated.len().saturating_sub(2)..);
    let good = tail
        .is_some_and(|tail| tail.len() == 2 && tail.iter().all(|(_, milli)| GOOD.contains(milli)));
    let normal = matches!(m.temperature, TemperatureAxis::Normal);
    // rules that change after the first good reading make the count start again
    let recount = matches!(
        m.temperature,
        TemperatureAxis::Restoring { good_count: 0, .. }
    );
    ledger.check(!good || normal || recount, Invariant::Exit, || {
        format!("two good readings and {:?}", m.temperature)
    });
}

/// Alerts an organization sees are of its own units, and at most one is open per key.
pub(super) async fn check_alerts(
    store: &SimStore,
    org: OrgId,
    units: &BTreeSet<UnitId>,
) -> Result<(), StoreError> {
    let page = PageRequest {
        limit: 60_000,
        after: None,
    };
    let listed = AlertStore::list(&store.inner, org, &AlertFilter::default(), page).await?;
    let mut open = BTreeSet::new();
    let mut state = store.state();
    for alert in listed.items {
        state
            .ledger
            .check(units.contains(&alert.unit), Invariant::I12Tenants, || {
                format!("{org} sees an alert of {}", alert.unit)
            });
        let is_open = alert.status != AlertStatus::Resolved;
        let first = !is_open || open.insert((alert.unit, alert.key));
        state.ledger.check(first, Invariant::I2Replay, || {
            format!(
                "two open alerts of {} at {}",
                alert.key.alert_type, alert.unit
            )
        });
    }
    Ok(())
}
