//! Bounded admission: how much of one organization's work may be in a queue at once.
//!
//! The rest waits as rows in the store. Organizations are admitted in turn, oldest row first, so a
//! flood of one costs another at most the bound plus the slots in use. This is a pure component: the
//! dispatcher feeds it rows and unfinished counts, and enqueues what it answers.

use crate::job::{Lane, QueueName, Tenant};
use freshtrack_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Unfinished jobs of one organization in one queue, per lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Lane critical.
    pub critical: usize,
    /// Lane default.
    pub default: usize,
    /// Lane bulk.
    pub bulk: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            critical: 256,
            default: 64,
            bulk: 16,
        }
    }
}

impl Bounds {
    /// The bound of `lane`.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> usize {
        match lane {
            Lane::Critical => self.critical,
            Lane::Default => self.default,
            Lane::Bulk => self.bulk,
        }
    }
}

/// Where a job would go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Lane first: more urgent lanes are admitted first.
    pub lane: Lane,
    /// Queue.
    pub queue: QueueName,
}

/// A row of the store that waits to become a job. `R` is whatever names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<R> {
    /// Whose it is.
    pub tenant: Tenant,
    /// Where it would go.
    pub place: Place,
    /// Age decides within an organization.
    pub created_at: Timestamp,
    /// Its name.
    pub name: R,
}

/// The state of admission: unfinished counts, and the rows offered but not admitted yet.
#[derive(Debug)]
pub struct Admission<R> {
    bounds: Bounds,
    unfinished: BTreeMap<(Place, Tenant), usize>,
    waiting: BTreeMap<Place, Turns<R>>,
}

/// Tenants of one place in turn, each with its rows oldest first.
#[derive(Debug)]
struct Turns<R> {
    order: VecDeque<Tenant>,
    rows: BTreeMap<Tenant, VecDeque<Row<R>>>,
}

impl<R> Admission<R> {
    /// Admission under `bounds`.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            unfinished: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// How many more rows of this tenant and place are worth offering: a second bound's worth.
    ///
    /// The store keeps the others, so memory stays flat however long the queue outside is.
    #[must_use]
    pub fn wants(&self, place: &Place, tenant: Tenant) -> usize {
        let held = self
            .waiting
            .get(place)
            .and_then(|turns| turns.rows.get(&tenant))
            .map_or(0, VecDeque::len);
        self.bounds.of(place.lane).saturating_sub(held)
    }

    /// Takes a row in its place by age; gives it back if this tenant has enough rows waiting here.
    ///
    /// # Errors
    /// The row itself, which stays in the store and is offered again later.
    pub fn offer(&mut self, row: Row<R>) -> Result<(), Row<R>> {
        if self.wants(&row.place, row.tenant) == 0 {
            return Err(row);
        }
        let turns = self
            .waiting
            .entry(row.place.clone())
            .or_insert_with(|| Turns {
                order: VecDeque::new(),
                rows: BTreeMap::new(),
            });
        let tenant = row.tenant;
        let rows = turns.rows.entry(tenant).or_insert_with(|| {
            turns.order.push_back(tenant);
            VecDeque::new()
        });
        let at = rows.partition_point(|other| other.created_at <= row.created_at);
        rows.insert(at, row);
        Ok(())
    }

    /// Sets how many unfinished jobs of this tenant the queue holds, as its statistics tell.
    pub fn observe(&mut self, place: Place, tenant: Tenant, unfinished: usize) {
        self.unfinished.insert((place, tenant), unfinished);
    }

    /// A job of this tenant and place is done or dead: room for the next.
    pub fn finished(&mut self, place: &Place, tenant: Tenant) {
        if let Some(count) = self.unfinished.get_mut(&(place.clone(), tenant)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Rows to enqueue now, at most `max`: lanes in order, organizations in turn, oldest row first.
    pub fn admit(&mut self, max: usize) -> Vec<Row<R>> {
        let mut admitted = Vec::new();
        for (place, turns) in &mut self.waiting {
            let bound = self.bounds.of(place.lane);
            let mut passed_over = 0;
            while admitted.len() < max && passed_over < turns.order.len() {
                let Some(tenant) = turns.order.pop_front() else {
                    break;
                };
                let count = self.unfinished.entry((place.clone(), tenant)).or_default();
                if *count >= bound {
                    turns.order.push_back(tenant);
                    passed_over += 1;
                    continue;
                }
                let Some(rows) = turns.rows.get_mut(&tenant) else {
                    continue;
                };
                if let Some(row) = rows.pop_front() {
                    *count += 1;
                    passed_over = 0;
                    admitted.push(row);
                }
                if rows.is_empty() {
                    turns.rows.remove(&tenant);
                } else {
                    turns.order.push_back(tenant);
                }
            }
        }
        self.waiting.retain(|_, turns| !turns.rows.is_empty());
        self.unfinished.retain(|_, count| *count > 0);
        admitted
    }

    /// Rows offered and not admitted, per place.
    pub fn waiting(&self) -> impl Iterator<Item = (&Place, usize)> {
        self.waiting
            .iter()
            .map(|(place, turns)| (place, turns.rows.values().map(VecDeque::len).sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freshtrack_core::ids::OrgId;
    use proptest::prelude::*;

    fn tenant(n: u8) -> Tenant {
        let text = format!("018f3b1e-0000-7000-8000-0000000000{n:02x}");
        Tenant::Organization(text.parse::<OrgId>().unwrap())
    }

    fn place(lane: Lane) -> Place {
        Place {
            lane,
            queue: QueueName::new("sms-notifications").unwrap(),
        }
    }

    fn row(t: u8, lane: Lane, age: i64) -> Row<i64> {
        Row {
            tenant: tenant(t),
            place: place(lane),
            created_at: Timestamp::from_seconds(age),
            name: age,
        }
    }

    #[test]
    fn organizations_are_admitted_in_turn_oldest_row_first() {
        let mut admission = Admission::new(Bounds::default());
        for age in [5, 3, 4] {
            admission.offer(row(1, Lane::Default, age)).unwrap();
        }
        admission.offer(row(2, Lane::Default, 9)).unwrap();
        let order: Vec<_> = admission
            .admit(10)
            .into_iter()
            .map(|row| row.name)
            .collect();
        assert_eq!(order, [3, 9, 4, 5]);
    }

    #[test]
    fn a_flood_of_one_tenant_leaves_room_for_the_first_row_of_another() {
        let mut admission = Admission::new(Bounds::default());
        let mut refused = 0;
        for age in 0..10_000 {
            refused += usize::from(admission.offer(row(1, Lane::Critical, age)).is_err());
        }
        assert_eq!(refused, 10_000 - 256, "memory stays flat");
        assert_eq!(admission.admit(usize::MAX).len(), 256);
        assert_eq!(admission.admit(usize::MAX).len(), 0);
        admission.offer(row(2, Lane::Critical, 99_999)).unwrap();
        assert_eq!(admission.admit(usize::MAX).len(), 1, "not behind the flood");
    }

    #[test]
    fn each_finished_job_admits_the_next() {
        let mut admission = Admission::new(Bounds {
            bulk: 2,
            ..Bounds::default()
        });
        for age in 0..2 {
            admission.offer(row(1, Lane::Bulk, age)).unwrap();
        }
        assert_eq!(admission.admit(9).len(), 2);
        admission.offer(row(1, Lane::Bulk, 2)).unwrap();
        assert_eq!(admission.admit(9).len(), 0);
        admission.finished(&place(Lane::Bulk), tenant(1));
        assert_eq!(admission.admit(9).len(), 1);
    }

    #[test]
    fn urgent_lanes_come_first() {
        let mut admission = Admission::new(Bounds::default());
        admission.offer(row(1, Lane::Bulk, 1)).unwrap();
        admission.offer(row(1, Lane::Critical, 2)).unwrap();
        assert_eq!(admission.admit(1)[0].place.lane, Lane::Critical);
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_nothing_is_lost(
            steps in prop::collection::vec((0u8..4, 0u8..3, 0u8..5), 0..300),
        ) {
            let bounds = Bounds { critical: 3, default: 2, bulk: 1 };
            let mut admission = Admission::new(bounds);
            let mut in_queue = BTreeMap::<(Place, Tenant), usize>::new();
            let (mut offered, mut admitted) = (0usize, 0usize);
            for (t, lane, action) in steps {
                let lane = Lane::ALL[usize::from(lane)];
                match action {
                    0..=2 => offered += usize::from(admission.offer(row(t, lane, i64::from(action))).is_ok()),
                    3 => for row in admission.admit(2) {
                        *in_queue.entry((row.place, row.tenant)).or_default() += 1;
                        admitted += 1;
                    },
                    _ => if let Some(count) = in_queue.get_mut(&(place(lane), tenant(t))) && *count > 0 {
                        *count -= 1;
                        admission.finished(&place(lane), tenant(t));
                    },
                }
                for ((place, _), count) in &in_queue {
                    prop_assert!(*count <= bounds.of(place.lane));
                }
                let waiting: usize = admission.waiting().map(|(_, n)| n).sum();
                prop_assert_eq!(offered, admitted + waiting);
            }
        }
    }
}
