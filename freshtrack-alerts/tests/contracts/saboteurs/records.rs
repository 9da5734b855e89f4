//! Bad stores of what people write down and ask for, and of what a unit went through.

use super::everybody;
use async_trait::async_trait;
use freshtrack_alerts::alert::{Alert, AlertEvent};
use freshtrack_alerts::calibration::Calibration;
use freshtrack_alerts::change::{
    Change, DoorEvent, Loaded, Record, Resolved, StateChange, Stored, Target,
};
use freshtrack_alerts::log_book::{CorrectiveAction, ManualLog};
use freshtrack_alerts::memory::MemoryStore;
use freshtrack_alerts::ports::{
    ActionCursor, ActionFilter, AlertCursor, AlertFilter, AlertStore, CalibrationCursor,
    Calibrations, HistoryCursor, LogBook, LogCursor, LogFilter, MonitorStore, SuppressionCursor,
    Suppressions, UnitHistory,
};
use freshtrack_alerts::suppression::Suppression;
use freshtrack_core::audit::Journal;
use freshtrack_core::device::Device;
use freshtrack_core::error::StoreError;
use freshtrack_core::ids::{
    AlertId, CorrectiveActionId, DeviceId, ManualLogId, OrgId, SuppressionId, UnitId,
};
use freshtrack_core::page::{Page, PageRequest};
use freshtrack_core::reading::ReadingKey;
use freshtrack_core::time::{Span, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    ForgetsTheScale,
    LosesActions,
    AllowsRepeats,
    IgnoresTheWindow,
    OldestLogFirst,
    IgnoresTheAlert,
    TenantBlindBook,
    LastCalibrationWins,
    LeavesTheUnitAsleep,
    LoadsNoWindows,
    TellsNobody,
    LeavesQuietUnitsAsleep,
    EndsTwice,
    AcceptsAnyPlace,
    ListsWhatIsOver,
    DropsSnoozes,
    OldestDoorFirst,
    MixesUnitsUp,
}

struct Bad {
    inner: MemoryStore,
    fault: Fault,
}

freshtrack_core::pass_on!(
    Bad, inner: Organizations Places Devices LifeCycle ApiKeys ReadingStore AuditLog Outbox
);

super::caught! { records;
    a_log_and_its_action_are_there_whole: ForgetsTheScale, "the log as it was written";
    a_log_and_its_action_are_there_whole: LosesActions, "the action as it was written";
    a_repeated_reference_is_refused_whole: AllowsRepeats, "expected a conflict";
    logs_come_newest_first_and_filtered: OldestLogFirst, "newest first";
    logs_come_newest_first_and_filtered: IgnoresTheWindow, "half-open window";
    actions_come_newest_first_and_filtered: IgnoresTheAlert, "about the alert";
    what_others_wrote_is_not_there: TenantBlindBook, "must not be found";
    the_newest_calibration_counts_whatever_the_order: LastCalibrationWins, "the newest counts";
    a_calibrated_device_makes_its_unit_due: LeavesTheUnitAsleep, "its unit is due";
    a_suppression_reaches_the_units_below_its_place: LoadsNoWindows, "what reaches the unit";
    a_suppression_makes_its_units_due_and_is_told: TellsNobody, "numbered once";
    a_suppression_makes_its_units_due_and_is_told: LeavesQuietUnitsAsleep, "exactly what it reaches";
    a_suppression_is_ended_once: EndsTwice, "stays as it is";
    a_place_of_another_organization_cannot_be_quiet: AcceptsAnyPlace, "must be refused";
    suppressions_are_listed_by_their_beginning: ListsWhatIsOver, "in whose window";
    a_snooze_is_stored_with_its_change: DropsSnoozes, "the snooze as it was asked for";
    doors_and_states_are_read_back_newest_first: OldestDoorFirst, "doors newest first";
    doors_and_states_are_read_back_newest_first: MixesUnitsUp, "states newest first";
}

#[async_trait]
impl LogBook for Bad {
    async fn find_log(&self, org: OrgId, id: ManualLogId) -> Result<Option<ManualLog>, StoreError> {
        let mut found = self.inner.find_log(org, id).await?;
        if self.fault == Fault::TenantBlindBook {
            for other in everybody(&self.inner) {
                found = found.or(self.inner.find_log(other, id).await?);
            }
        }
        if let (Some(log), Fault::ForgetsTheScale) = (&mut found, self.fault) {
            log.reported_unit = freshtrack_core::temperature::TemperatureUnit::C;
        }
        Ok(found)
    }

    async fn find_log_by_ref(
        &self,
        org: OrgId,
        client_ref: &str,
    ) -> Result<Option<ManualLog>, StoreError> {
        self.inner.find_log_by_ref(org, client_ref).await
    }

    async fn logs(
        &self,
        org: OrgId,
        filter: &LogFilter,
        page: PageRequest<LogCursor>,
    ) -> Result<Page<ManualLog, LogCursor>, StoreError> {
        let mut filter = *filter;
        if self.fault == Fault::IgnoresTheWindow {
            filter.to = filter.to.map(|to| to + Span::from_seconds(1));
        }
        let mut found = self.inner.logs(org, &filter, page).await?;
        if self.fault == Fault::OldestLogFirst {
            found.items.reverse();
        }
        Ok(found)
    }

    async fn find_action(
        &self,
        org: OrgId,
        id: CorrectiveActionId,
    ) -> Result<Option<CorrectiveAction>, StoreError> {
        self.inner.find_action(org, id).await
    }

    async fn actions(
        &self,
        org: OrgId,
        filter: &ActionFilter,
        page: PageRequest<ActionCursor>,
    ) -> Result<Page<CorrectiveAction, ActionCursor>, StoreError> {
        let mut filter = *filter;
        if self.fault == Fault::IgnoresTheAlert {
            filter.alert = None;
        }
        self.inner.actions(org, &filter, page).await
    }
}

#[async_trait]
impl Suppressions for Bad {
    async fn create(
        &self,
        org: OrgId,
        mut suppression: Suppression,
        journal: Journal,
    ) -> Result<(), StoreError> {
        let journal = match self.fault {
            Fault::TellsNobody => Journal::default(),
            _ => journal,
        };
        if self.fault == Fault::LeavesQuietUnitsAsleep {
            suppression.created_at = suppression.created_at + Span::from_seconds(1_000_000);
        }
        match Suppressions::create(&self.inner, org, suppression, journal).await {
            Err(StoreError::Missing { .. }) if self.fault == Fault::AcceptsAnyPlace => Ok(()),
            other => other,
        }
    }

    async fn end(
        &self,
        org: OrgId,
        id: SuppressionId,
        at: Timestamp,
        journal: Journal,
    ) -> Result<Suppression, StoreError> {
        let mut ended = self.inner.end(org, id, at, journal).await?;
        if self.fault == Fault::EndsTwice && ended.ended_early_at != Some(at) {
            ended.ended_early_at = Some(at);
        }
        Ok(ended)
    }

    async fn find(&self, org: OrgId, id: SuppressionId) -> Result<Option<Suppression>, StoreError> {
        Suppressions::find(&self.inner, org, id).await
    }

    async fn list(
        &self,
        org: OrgId,
        at: Option<Timestamp>,
        page: PageRequest<SuppressionCursor>,
    ) -> Result<Page<Suppression, SuppressionCursor>, StoreError> {
        let at = at.filter(|_| self.fault != Fault::ListsWhatIsOver);
        Suppressions::list(&self.inner, org, at, page).await
    }
}

#[async_trait]
impl Calibrations for Bad {
    async fn add(
        &self,
        org: OrgId,
        mut calibration: Calibration,
        journal: Journal,
    ) -> Result<Device, StoreError> {
        if self.fault == Fault::LastCalibrationWins {
            calibration.calibrated_at = Timestamp::from_micros(0);
        }
        if self.fault == Fault::LeavesTheUnitAsleep {
            calibration.recorded_at = calibration.recorded_at + Span::from_seconds(1_000_000);
        }
        self.inner.add(org, calibration, journal).await
    }

    async fn list(
        &self,
        org: OrgId,
        device: DeviceId,
        page: PageRequest<CalibrationCursor>,
    ) -> Result<Page<Calibration, CalibrationCursor>, StoreError> {
        Calibrations::list(&self.inner, org, device, page).await
    }
}

#[async_trait]
impl UnitHistory for Bad {
    async fn door_events(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<DoorEvent, HistoryCursor>, StoreError> {
        let mut found = UnitHistory::door_events(&self.inner, org, unit, window, page).await?;
        if self.fault == Fault::OldestDoorFirst {
            found.items.reverse();
        }
        Ok(found)
    }

    async fn state_changes(
        &self,
        org: OrgId,
        unit: UnitId,
        window: (Timestamp, Timestamp),
        page: PageRequest<HistoryCursor>,
    ) -> Result<Page<StateChange, HistoryCursor>, StoreError> {
        let mut found = self.inner.state_changes(org, unit, window, page).await?;
        if self.fault == Fault::MixesUnitsUp {
            for row in &mut found.items {
                row.unit = UnitId::from_uuid(org.as_uuid());
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl MonitorStore for Bad {
    async fn resolve(
        &self,
        org: OrgId,
        targets: &[Target],
    ) -> Result<Vec<Option<Resolved>>, StoreError> {
        self.inner.resolve(org, targets).await
    }

    async fn load(&self, org: OrgId, units: &[UnitId]) -> Result<Option<Loaded>, StoreError> {
        let mut loaded = self.inner.load(org, units).await?;
        if self.fault == Fault::LoadsNoWindows {
            for context in loaded.iter_mut().flat_map(|loaded| &mut loaded.units) {
                context.monitor.suppressions.clear();
            }
        }
        Ok(loaded)
    }

    async fn stored(
        &self,
        org: OrgId,
        keys: &[ReadingKey],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.stored(org, keys).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut changes = changes.to_vec();
        for change in &mut changes {
            change.records.retain(|record| match record {
                Record::CorrectiveAction(_) => self.fault != Fault::LosesActions,
                Record::Suppression(_) => self.fault != Fault::DropsSnoozes,
                Record::ManualLog(_) => true,
            });
            for record in &mut change.records {
                if let (Record::ManualLog(log), Fault::AllowsRepeats) = (record, self.fault) {
                    log.client_ref = None;
                }
            }
        }
        self.inner.commit(&changes).await
    }

    async fn due(&self, now: Timestamp, limit: u16) -> Result<Vec<(OrgId, UnitId)>, StoreError> {
        self.inner.due(now, limit).await
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
