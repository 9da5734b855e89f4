//! Bad stores of monitors.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::change::{Change, Loaded, Resolved, Stored, Target};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{AlertCursor, AlertFilter, AlertStore, MonitorStore};
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{AlertId, OrgId, UnitId};
use freshtrack_core::memory::MemoryState;
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsNewUnits,
    MixesTargetsUp,
    TenantBlindResolve,
    UnitsOutOfOrder,
    InventsOrganizations,
    MixesKeysUp,
    AnswersTheCorrectedValue,
    TenantBlindStored,
    DueOutOfOrder,
    DueUnbounded,
    DueTooEarly,
    DueTooLate,
    AlwaysDue,
    LosesQuarantine,
    LosesTheJournal,
    AnswersNothingTwice,
    IgnoresVersions,
    LeavesReadingsOfRefused,
    LeavesJournalOfRefused,
    LosesRaces,
    ForgetsTheFirstOfTwo,
    OverwritesReadings,
    AllowsSecondAlerts,
    OneAlertPerUnit,
    NeverReplacesAlerts,
    IgnoresAlertVersions,
    OneFailsAll,
    AnswersOutOfOrder,
    TenantBlindCommit,
    AcceptsNobodys,
    LosesJournalsAtOnce,
    ForgetsDevices,
    ForgetsIncidents,
    IgnoresIncidentVersions,
    LetsUnitsSleep,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { monitor_store;
    a_new_unit_has_a_fresh_monitor_due_at_once: ForgetsNewUnits, "must be due at once";
    targets_are_resolved_in_order: MixesTargetsUp, "in order";
    targets_of_another_organization_are_unknown: TenantBlindResolve, "targets are unknown";
    loading_gives_each_unit_with_its_place_and_devices: UnitsOutOfOrder, "in order of id";
    loading_leaves_out_what_the_organization_does_not_have: InventsOrganizations, "unknown organization";
    stored_values_are_answered_in_order_of_the_keys: MixesKeysUp, "one answer per key";
    stored_values_are_answered_in_order_of_the_keys: AnswersTheCorrectedValue, "one answer per key";
    stored_values_of_another_organization_are_unknown: TenantBlindStored, "readings are unknown";
    due_units_come_earliest_first_and_bounded: DueOutOfOrder, "earliest first";
    due_units_come_earliest_first_and_bounded: DueUnbounded, "no more than asked for";
    a_unit_is_due_at_its_deadline_and_not_before: DueTooEarly, "not before its deadline";
    a_unit_is_due_at_its_deadline_and_not_before: DueTooLate, "due at its deadline";
    a_unit_without_deadline_is_never_due: AlwaysDue, "left == right";
    a_change_is_there_whole: LosesQuarantine, "left == right";
    a_change_is_there_whole: LosesTheJournal, "numbered once";
    an_empty_commit_is_answered_with_nothing: AnswersNothingTwice, "is_empty";
    a_stale_version_is_refused_and_leaves_nothing: IgnoresVersions, "expected a conflict";
    a_stale_version_is_refused_and_leaves_nothing: LeavesReadingsOfRefused, "must leave nothing";
    a_second_open_alert_under_one_key_is_a_conflict_and_leaves_nothing: LeavesJournalOfRefused, "must leave nothing";
    of_two_commits_from_one_version_exactly_one_wins: LosesRaces, "exactly one of them must win";
    of_two_changes_from_one_version_in_one_commit_the_first_wins: ForgetsTheFirstOfTwo, "expected a conflict";
    a_reading_stored_already_is_a_conflict_and_leaves_nothing: OverwritesReadings, "expected a conflict";
    a_second_open_alert_under_one_key_is_a_conflict_and_leaves_nothing: AllowsSecondAlerts, "expected a conflict";
    alerts_under_other_keys_stand_beside_each_other: OneAlertPerUnit, "could not answer";
    one_change_may_close_an_alert_and_open_the_next: NeverReplacesAlerts, "could not answer";
    an_alert_changes_only_from_the_version_before: IgnoresAlertVersions, "expected a conflict";
    each_change_of_a_commit_stands_or_falls_alone: OneFailsAll, "each by itself";
    each_change_of_a_commit_stands_or_falls_alone: AnswersOutOfOrder, "each by itself";
    another_organizations_unit_cannot_be_changed: TenantBlindCommit, "must be refused";
    a_change_of_an_unknown_organization_is_refused: AcceptsNobodys, "to be missing";
    commits_at_once_are_numbered_gaplessly: LosesJournalsAtOnce, "numbered once";
    a_device_is_seen_and_its_time_never_moves_back: ForgetsDevices, "the latest uplink";
    incidents_move_from_version_to_version: ForgetsIncidents, "left == right";
    incidents_move_from_version_to_version: IgnoresIncidentVersions, "expected a conflict";
    a_woken_unit_is_due_and_an_evaluation_under_way_is_a_conflict: LetsUnitsSleep, "must be due";
}

impl Bad {
    /// One change, as this store would have it.
    fn spoil(&self, mut change: Change) -> Change {
        match self.fault {
            Fault::LosesQuarantine => change.quarantined.clear(),
            Fault::LosesTheJournal => change.journal = Journal::default(),
            Fault::NeverReplacesAlerts => change.alerts.retain(|alert| alert.version == 1),
            Fault::ForgetsDevices => change.devices_seen.clear(),
            Fault::ForgetsIncidents => change.outages = None,
            Fault::LetsUnitsSleep => change.wake.clear(),
            _ => {}
        }
        change
    }

    /// What is done about a change that was refused.
    async fn about(&self, change: &Change, refusal: StoreError) -> Result<(), StoreError> {
        let mut again = change.clone();
        match (self.fault, &refusal) {
            (
                Fault::IgnoresVersions | Fault::LosesRaces | Fault::ForgetsTheFirstOfTwo,
                StoreError::Conflict,
            ) => {
                for unit in &mut again.units {
                    let loaded = self.inner.load(change.org, &[unit.unit]).await?;
                    let stored = loaded.map(|loaded| loaded.units[0].monitor_version);
                    unit.expected_version = stored.unwrap_or(0);
                }
            }
            (Fault::LeavesReadingsOfRefused, _) => {
                let mut half = Change::empty(change.org, change.now);
                half.readings = again.readings;
                self.one(&half).await?;
                return Err(refusal);
            }
            (Fault::LeavesJournalOfRefused, _) => {
                let mut half = Change::empty(change.org, change.now);
                half.journal = again.journal;
                self.one(&half).await?;
                return Err(refusal);
            }
            (Fault::IgnoresIncidentVersions, StoreError::Conflict) => {
                let loaded = self.inner.load(change.org, &[]).await?;
                if let (Some(outages), Some(loaded)) = (&mut again.outages, loaded) {
                    outages.expected_version = loaded.outages.version;
                }
            }
            (Fault::OverwritesReadings, StoreError::Conflict) => again.readings.clear(),
            (Fault::AllowsSecondAlerts | Fault::IgnoresAlertVersions, StoreError::Conflict) => {
                (again.alerts, again.alert_events) = (Vec::new(), Vec::new());
            }
            (Fault::TenantBlindCommit, StoreError::Missing { .. }) => {
                for org in everybody(&self.inner) {
                    again.org = org;
                    if self.one(&again).await.is_ok() {
                        return Ok(());
                    }
                }
            }
            (Fault::AcceptsNobodys, _) => return Ok(()),
            _ => return Err(refusal),
        }
        self.one(&again).await
    }

    async fn one(&self, change: &Change) -> Result<(), StoreError> {
        let mut answers = self.inner.commit(std::slice::from_ref(change)).await?;
        answers.remove(0)
    }
}

#[async_trait]
impl MonitorStore for Bad {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        let mut found = self.inner.resolve(org, targets).await?;
        match self.fault {
            Fault::MixesTargetsUp => found.rotate_left(1),
            Fault::TenantBlindResolve => {
                for other in everybody(&self.inner) {
                    let theirs = self.inner.resolve(other, targets).await?;
                    found = found
                        .into_iter()
                        .zip(theirs)
                        .map(|(a, b)| a.or(b))
                        .collect();
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        let mut found = self.inner.load(org, units).await?;
        match (self.fault, &mut found) {
            (Fault::UnitsOutOfOrder, Some(found)) => found.units.reverse(),
            (Fault::InventsOrganizations, None) => {
                for other in everybody(&self.inner) {
                    found = self.inner.load(other, &[]).await?;
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut found = self.inner.stored(org, keys).await?;
        match self.fault {
            Fault::MixesKeysUp => found.rotate_left(1),
            Fault::AnswersTheCorrectedValue => {
                let corrected = |key: &ReadingKey| {
                    let read = |state: &mut MemoryState| {
                        let reading = state.tenant(org)?.reading(key)?;
                        Some(Stored::Accepted(reading.temperature))
                    };
                    self.inner.core().with(read)
                };
                found = keys
                    .iter()
                    .map(corrected)
                    .zip(found)
                    .map(|(a, b)| a.or(b))
                    .collect();
            }
            Fault::TenantBlindStored => {
                for other in everybody(&self.inner) {
                    let theirs = self.inner.stored(other, keys).await?;
                    found = found
                        .into_iter()
                        .zip(theirs)
                        .map(|(a, b)| a.or(b))
                        .collect();
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if self.fault == Fault::AnswersNothingTwice && changes.is_empty() {
            return Ok(vec![Ok(()), Ok(())]);
        }
        if matches!(self.fault, Fault::LosesRaces | Fault::LosesJournalsAtOnce) {
            tokio::task::yield_now().await;
        }
        let mut answers = Vec::new();
        for change in changes {
            let mut change = self.spoil(change.clone());
            if self.fault == Fault::LosesJournalsAtOnce {
                let before = self.inner.core().with(|state| state.tenants().count());
                change.journal.outbox.truncate(usize::from(before > 1));
            }
            if self.fault == Fault::OneAlertPerUnit && change.alerts.len() > 1 {
                answers.push(Err(StoreError::Conflict));
                continue;
            }
            answers.push(match self.one(&change).await {
                Err(refusal) => self.about(&change, refusal).await,
                done => done,
            });
        }
        match self.fault {
            Fault::OneFailsAll if answers.iter().any(Result::is_err) => {
                answers.fill_with(|| Err(StoreError::Conflict));
            }
            Fault::AnswersOutOfOrder => answers.rotate_left(1),
            _ => {}
        }
        Ok(answers)
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        let moment = Span::from_micros(1);
        match self.fault {
            Fault::ForgetsNewUnits => Ok(Vec::new()),
            Fault::DueOutOfOrder => {
                let mut found = self.inner.due(now, limit).await?;
                found.reverse();
                Ok(found)
            }
            Fault::DueUnbounded => self.inner.due(now, u16::MAX).await,
            Fault::DueTooEarly => self.inner.due(now + moment, limit).await,
            Fault::DueTooLate => self.inner.due(now - moment, limit).await,
            Fault::AlwaysDue => {
                let units = |org| {
                    let rows = |state: &mut MemoryState| {
                        let rows = state.tenant(org).into_iter();
                        rows.flat_map(|r| r.units().map(|u| (org, u.id)))
                            .collect::<Vec<_>>()
                    };
                    self.inner.core().with(rows)
                };
                Ok(everybody(&self.inner).into_iter().flat_map(units).collect())
            }
            _ => self.inner.due(now, limit).await,
        }
    }
}

#[async_trait]
impl AlertStore for Bad {
    async fn find(&self, org: OrgId, id: AlertId) -> Result<Option<Alert>, StoreError> {
        AlertStore::find(&self.inner, org, id).await
    }

    async fn list(
        &self,
        org: OrgId,
        filter: &AlertFilter,
        page: PageRequest<AlertCursor>,
    ) -> Result<Page<Alert, AlertCursor>, StoreError> {
        AlertStore::list(&self.inner, org, filter, page).await
    }

    async fn history(
        &self,
        org: OrgId,
        id: AlertId,
        limit: u16,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        self.inner.history(org, id, limit).await
    }
}
