//! The difference between the schedules there should be and those there are.

use super::{InvalidSchedule, Schedule, ScheduleId, ScheduleSpec};
use freshtrack_core::time::Timestamp;
use std::collections::BTreeMap;

/// One step from the stored set to the wanted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A schedule that is not there yet.
    Insert(Schedule),
    /// A schedule that says something else now; how far it came is kept.
    Replace(Schedule),
    /// A schedule nobody wants any more.
    Remove(ScheduleId),
}

/// The changes that turn `stored` into `wanted`; nothing when they agree.
///
/// A replaced schedule keeps `last_run_at` and `cursor`. Its next firing is computed anew from `now`
/// if cadence, zone or enablement changed, and stays where it was otherwise.
///
/// # Errors
/// If a wanted cadence never fires; nothing is to be changed then.
pub fn reconcile(
    wanted: &[ScheduleSpec],
    stored: &[Schedule],
    now: Timestamp,
) -> Result<Vec<Change>, InvalidSchedule> {
    let mut left: BTreeMap<_, _> = stored.iter().map(|row| (&row.spec.id, row)).collect();
    let mut changes = Vec::new();
    for spec in wanted {
        match left.remove(&spec.id) {
            None => changes.push(Change::Insert(Schedule::starting(spec.clone(), now)?)),
            Some(row) if row.spec == *spec => {}
            Some(row) => changes.push(Change::Replace(replaced(spec, row, now)?)),
        }
    }
    changes.extend(left.into_keys().map(|id| Change::Remove(id.clone())));
    Ok(changes)
}

fn replaced(
    spec: &ScheduleSpec,
    row: &Schedule,
    now: Timestamp,
) -> Result<Schedule, InvalidSchedule> {
    let old = &row.spec;
    let same_times =
        (&old.cadence, old.zone, old.enabled) == (&spec.cadence, spec.zone, spec.enabled);
    let next_run_at = if same_times {
        row.next_run_at
    } else {
        spec.cadence.next_after(&spec.zone, now)?
    };
    Ok(Schedule {
        spec: spec.clone(),
        next_run_at,
        ..row.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Cadence, Misfire, Zone};
    use super::*;
    use crate::job::{Kind, Lane, Payload, QueueName, Tenant};
    use proptest::prelude::*;

    fn spec(id: u8, minute: u8) -> ScheduleSpec {
        ScheduleSpec {
            id: ScheduleId::new(&format!("s{id}")).unwrap(),
            tenant: Tenant::Platform,
            queue: QueueName::new("email-digests").unwrap(),
            kind: Kind::new("email:digest").unwrap(),
            version: 1,
            lane: Lane::Bulk,
            payload: Payload::from_json("{}").unwrap(),
            cadence: Cadence::cron(&format!("{minute} 9 * * *")).unwrap(),
            zone: Zone::UTC,
            misfire: Misfire::Latest,
            enabled: true,
        }
    }

    fn apply(stored: &[Schedule], changes: Vec<Change>) -> Vec<Schedule> {
        let mut rows: BTreeMap<_, _> = stored
            .iter()
            .map(|row| (row.spec.id.clone(), row.clone()))
            .collect();
        for change in changes {
            match change {
                Change::Insert(row) => assert!(rows.insert(row.spec.id.clone(), row).is_none()),
                Change::Replace(row) => assert!(rows.insert(row.spec.id.clone(), row).is_some()),
                Change::Remove(id) => assert!(rows.remove(&id).is_some()),
            }
        }
        rows.into_values().collect()
    }

    #[test]
    fn a_new_time_keeps_the_cursor() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let mut row = Schedule::starting(spec(1, 0), now).unwrap();
        row.cursor = Some(now);
        let changes = reconcile(&[spec(1, 30)], std::slice::from_ref(&row), now).unwrap();
        let [Change::Replace(new)] = changes.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!(new.cursor, Some(now));
        assert_ne!(new.next_run_at, row.next_run_at);
    }

    proptest! {
        #[test]
        fn applying_the_difference_makes_the_sets_agree(
            a in prop::collection::btree_map(0u8..12, 0u8..4, 0..10),
            b in prop::collection::btree_map(0u8..12, 0u8..4, 0..10),
        ) {
            let now = Timestamp::from_seconds(1_800_000_000);
            let specs = |set: &BTreeMap<u8, u8>| set.iter().map(|(i, m)| spec(*i, *m)).collect::<Vec<_>>();
            let stored = apply(&[], reconcile(&specs(&a), &[], now).unwrap());
            let changed = apply(&stored, reconcile(&specs(&b), &stored, now).unwrap());
            let mut got: Vec<_> = changed.iter().map(|row| row.spec.clone()).collect();
            let mut wanted = specs(&b);
            got.sort_by(|x, y| x.id.cmp(&y.id));
            wanted.sort_by(|x, y| x.id.cmp(&y.id));
            prop_assert_eq!(got, wanted.clone());
            prop_assert_eq!(reconcile(&wanted, &changed, now).unwrap(), vec![]);
        }
    }
}
