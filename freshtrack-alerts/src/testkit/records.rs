//! Laws of what people write down and ask for, and of what a unit went through:
//! [`LogBook`], [`Suppressions`], [`Calibrations`] and [`UnitHistory`].

mod suppressions;
mod unit_history;

pub use suppressions::*;
pub use unit_history::*;

use super::sample::{self, further_unit};
use super::{AlertStores, assert_conflict, commit, fail, must_commit};
use crate::calibration::Calibration;
use crate::change::{Change, Record};
use crate::log_book::{CorrectiveAction, ManualLog};
use crate::ports::{ActionFilter, Calibrations, LogBook, LogFilter, Suppressions, UnitHistory};
use freshtrack_core::audit::Journal;
use freshtrack_core::ids::{DeviceId, SiteId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::temperature::{Temperature, TemperatureDelta, TemperatureUnit};
use freshtrack_core::testkit::assert_journals;
use freshtrack_core::testkit::sample::{Tenant, at, journal};

/// The alert engine's stores with these four ports.
pub trait RecordStores: AlertStores + LogBook + Suppressions + Calibrations + UnitHistory {
    /// The adapter as one port.
    fn book(&self) -> &dyn LogBook;
    /// As [`Self::book`].
    fn suppressions(&self) -> &dyn Suppressions;
    /// As [`Self::book`].
    fn calibrations(&self) -> &dyn Calibrations;
    /// As [`Self::book`].
    fn history_of_units(&self) -> &dyn UnitHistory;
    /// The adapter without them, for what the other suites share.
    fn engine_stores(&self) -> &dyn AlertStores;
}

impl<T: AlertStores + LogBook + Suppressions + Calibrations + UnitHistory> RecordStores for T {
    fn book(&self) -> &dyn LogBook {
        self
    }
    fn suppressions(&self) -> &dyn Suppressions {
        self
    }
    fn calibrations(&self) -> &dyn Calibrations {
        self
    }
    fn history_of_units(&self) -> &dyn UnitHistory {
        self
    }
    fn engine_stores(&self) -> &dyn AlertStores {
        self
    }
}

/// Runs every law of [`LogBook`], [`Suppressions`], [`Calibrations`] and [`UnitHistory`] on what
/// `$fresh` makes.
#[macro_export]
macro_rules! records_contract {
    ($fresh:path) => {
        $crate::alerts_contract! { records, $fresh;
            a_log_and_its_action_are_there_whole
            a_repeated_reference_is_refused_whole
            logs_come_newest_first_and_filtered
            actions_come_newest_first_and_filtered
            what_others_wrote_is_not_there
            the_newest_calibration_counts_whatever_the_order
            a_calibrated_device_makes_its_unit_due
            a_suppression_reaches_the_units_below_its_place
            a_suppression_makes_its_units_due_and_is_told
            a_suppression_is_ended_once
            a_place_of_another_organization_cannot_be_quiet
            suppressions_are_listed_by_their_beginning
            a_snooze_is_stored_with_its_change
            doors_and_states_are_read_back_newest_first
        }
    };
}

const fn first<K>(limit: u16) -> PageRequest<K> {
    PageRequest { limit, after: None }
}

fn log(tenant: &Tenant, unit: UnitId, seconds: i64) -> ManualLog {
    ManualLog {
        id: tenant.id(),
        unit,
        by: tenant.owner.id,
        temperature: Temperature::from_milli_celsius(9_001),
        reported_unit: TemperatureUnit::F,
        humidity_centi: Some(5_512),
        notes: Some("door was ajar — “again”".to_owned()),
        photo_url: Some("https://photos.example.test/1.jpg".to_owned()),
        recorded_at: at(seconds),
        received_at: at(seconds + 3),
        client_ref: None,
        in_range: false,
        corrective_action: None,
    }
}

fn action(tenant: &Tenant, unit: UnitId, seconds: i64) -> CorrectiveAction {
    CorrectiveAction {
        id: tenant.id(),
        unit,
        alert: None,
        manual_log: None,
        by: tenant.owner.id,
        description: "food moved to the walk-in".to_owned(),
        action_taken: Some("moved".to_owned()),
        root_cause: Some("compressor".to_owned()),
        preventive_measure: Some("service".to_owned()),
        photo_urls: vec!["https://photos.example.test/2.jpg".to_owned()],
        completed_at: Some(at(seconds + 1)),
        corrects: None,
        recorded_at: at(seconds),
    }
}

fn written(tenant: &Tenant, records: Vec<Record>) -> Change {
    let mut change = Change::empty(tenant.org, at(sample::EVALUATED));
    change.records = records;
    change
}

async fn write(store: &dyn RecordStores, tenant: &Tenant, records: Vec<Record>) {
    must_commit(store.engine_stores(), written(tenant, records)).await;
}

/// Every field, each found by its id and by its reference.
pub async fn a_log_and_its_action_are_there_whole(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut log = log(&tenant, tenant.unit, 5);
    let mut action = action(&tenant, tenant.unit, 6);
    log.client_ref = Some("phone-1".to_owned());
    log.corrective_action = Some(action.id);
    action.manual_log = Some(log.id);
    let mut change = written(
        &tenant,
        vec![
            Record::ManualLog(log.clone()),
            Record::CorrectiveAction(action.clone()),
        ],
    );
    change.journal = journal("logged");
    must_commit(store.engine_stores(), change).await;
    let found = store.book().find_log(tenant.org, log.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(log.clone()),
        "the log as it was written"
    );
    let found = store.book().find_log_by_ref(tenant.org, "phone-1").await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(log),
        "the log by its reference"
    );
    let found = store.book().find_action(tenant.org, action.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        Some(action),
        "the action as it was written"
    );
    assert_journals(store, tenant.org, 1).await;
}

/// The action and the journal that came with it neither.
pub async fn a_repeated_reference_is_refused_whole(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let mut log = log(&tenant, tenant.unit, 5);
    log.client_ref = Some("phone-1".to_owned());
    write(store, &tenant, vec![Record::ManualLog(log.clone())]).await;
    log.id = tenant.id();
    let action = action(&tenant, tenant.unit, 6);
    let mut change = written(
        &tenant,
        vec![
            Record::CorrectiveAction(action.clone()),
            Record::ManualLog(log.clone()),
        ],
    );
    change.journal = journal("twice");
    assert_conflict(commit(store.engine_stores(), change).await);
    let found = store.book().find_action(tenant.org, action.id).await;
    assert_eq!(
        found.unwrap_or_else(fail),
        None,
        "nothing of a refused change"
    );
    let other = Tenant::create(store, "beta").await;
    log.unit = other.unit;
    write(store, &other, vec![Record::ManualLog(log)]).await;
    assert_journals(store, tenant.org, 0).await;
}

/// By unit, site, range and window; page by page.
pub async fn logs_come_newest_first_and_filtered(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let further = further_unit(store.engine_stores(), &tenant, "Fridge 2").await;
    let mut logs = Vec::new();
    for (unit, seconds, in_range) in [
        (tenant.unit, 30, true),
        (further, 10, false),
        (tenant.unit, 20, false),
    ] {
        let log = ManualLog {
            in_range,
            ..log(&tenant, unit, seconds)
        };
        write(store, &tenant, vec![Record::ManualLog(log.clone())]).await;
        logs.push(log);
    }
    let seconds = async |filter: LogFilter| {
        let page = store.book().logs(tenant.org, &filter, first(10)).await;
        let logs = page.unwrap_or_else(fail).items;
        let seconds = logs
            .iter()
            .map(|log| (log.recorded_at - at(0)).as_seconds());
        seconds.collect::<Vec<i64>>()
    };
    let all = LogFilter::default();
    assert_eq!(seconds(all).await, [30, 20, 10], "newest first");
    let unit = Some(tenant.unit);
    assert_eq!(
        seconds(LogFilter { unit, ..all }).await,
        [30, 20],
        "of the unit"
    );
    let site = Some(tenant.site);
    assert_eq!(
        seconds(LogFilter { site, ..all }).await,
        [30, 20, 10],
        "of the site"
    );
    let site = Some(tenant.id::<SiteId>());
    let nothing: [i64; 0] = [];
    assert_eq!(
        seconds(LogFilter { site, ..all }).await,
        nothing,
        "of the site"
    );
    let in_range = Some(false);
    assert_eq!(
        seconds(LogFilter { in_range, ..all }).await,
        [20, 10],
        "out of range"
    );
    let (from, to) = (Some(at(20)), Some(at(30)));
    assert_eq!(
        seconds(LogFilter { from, to, ..all }).await,
        [20],
        "half-open window"
    );
    let page = store.book().logs(tenant.org, &all, first(2)).await;
    let page = page.unwrap_or_else(fail);
    let rest = PageRequest {
        limit: 2,
        after: page.next,
    };
    let rest = store.book().logs(tenant.org, &all, rest).await;
    let rest = rest.unwrap_or_else(fail);
    assert_eq!(rest.items, [logs.swap_remove(1)], "the second page goes on");
    assert_eq!(rest.next, None, "and is the last");
}

/// By unit, alert and log.
pub async fn actions_come_newest_first_and_filtered(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let further = further_unit(store.engine_stores(), &tenant, "Fridge 2").await;
    let alert = sample::alert(&tenant, tenant.unit, 5);
    let log = log(&tenant, tenant.unit, 6);
    let mut change = written(&tenant, vec![Record::ManualLog(log.clone())]);
    change.alerts.push(alert.clone());
    must_commit(store.engine_stores(), change).await;
    let about_alert = CorrectiveAction {
        alert: Some(alert.id),
        ..action(&tenant, tenant.unit, 20)
    };
    let about_log = CorrectiveAction {
        manual_log: Some(log.id),
        corrects: Some(about_alert.id),
        ..action(&tenant, tenant.unit, 30)
    };
    let about_unit = action(&tenant, further, 10);
    for action in [&about_alert, &about_log, &about_unit] {
        write(
            store,
            &tenant,
            vec![Record::CorrectiveAction(action.clone())],
        )
        .await;
    }
    let found = async |filter: ActionFilter| {
        let page = store.book().actions(tenant.org, &filter, first(10)).await;
        page.unwrap_or_else(fail).items
    };
    let all = ActionFilter::default();
    let newest_first = [about_log.clone(), about_alert.clone(), about_unit.clone()];
    assert_eq!(found(all).await, newest_first, "newest first");
    let unit = Some(further);
    assert_eq!(
        found(ActionFilter { unit, ..all }).await,
        [about_unit],
        "of the unit"
    );
    let alert = Some(alert.id);
    let of_alert = found(ActionFilter { alert, ..all }).await;
    assert_eq!(of_alert, [about_alert], "about the alert");
    let manual_log = Some(log.id);
    let of_log = found(ActionFilter { manual_log, ..all }).await;
    assert_eq!(of_log, [about_log], "about the log");
}

/// Neither found nor listed, and nobody writes about another's unit.
pub async fn what_others_wrote_is_not_there(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let mut log = log(&tenant, tenant.unit, 5);
    log.client_ref = Some("phone-1".to_owned());
    let action = action(&tenant, tenant.unit, 6);
    let records = vec![
        Record::ManualLog(log.clone()),
        Record::CorrectiveAction(action.clone()),
    ];
    write(store, &tenant, records).await;
    let book = store.book();
    let found = book.find_log(other.org, log.id).await.unwrap_or_else(fail);
    assert_eq!(found, None, "another's log must not be found");
    let found = book
        .find_log_by_ref(other.org, "phone-1")
        .await
        .unwrap_or_else(fail);
    assert_eq!(found, None, "another's log must not be found");
    let found = book
        .find_action(other.org, action.id)
        .await
        .unwrap_or_else(fail);
    assert_eq!(found, None, "another's action must not be found");
    let logs = book.logs(other.org, &LogFilter::default(), first(9)).await;
    assert_eq!(
        logs.unwrap_or_else(fail).items,
        [],
        "another's log must not be found"
    );
    let actions = book
        .actions(other.org, &ActionFilter::default(), first(9))
        .await;
    assert_eq!(
        actions.unwrap_or_else(fail).items,
        [],
        "another's action must not be found"
    );
    let foreign = written(
        &other,
        vec![Record::ManualLog(self::log(&other, tenant.unit, 7))],
    );
    let refused = commit(store.engine_stores(), foreign).await;
    assert!(refused.is_err(), "nobody logs for another's unit");
}

fn calibration(tenant: &Tenant, device: DeviceId, day: i64, milli: i32) -> Calibration {
    Calibration {
        id: tenant.id(),
        device,
        calibrated_at: at(day * 86_400),
        by: tenant.owner.id,
        temperature_offset: TemperatureDelta::from_milli_celsius(milli),
        reference_temperature: Some(Temperature::from_milli_celsius(12)),
        certificate_url: Some("https://lab.example.test/7".to_owned()),
        notes: Some("ice bath".to_owned()),
        due_at: at((day + 365) * 86_400),
        recorded_at: at(500),
    }
}

/// One entered late does not undo a newer one, and both are on record.
pub async fn the_newest_calibration_counts_whatever_the_order(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let other = Tenant::create(store, "beta").await;
    let device = sample::device(store.engine_stores(), &tenant, "Probe").await;
    let newer = calibration(&tenant, device, 10, -400);
    let older = calibration(&tenant, device, 2, 700);
    for calibration in [&newer, &older] {
        let added =
            store
                .calibrations()
                .add(tenant.org, calibration.clone(), journal("calibrated"));
        let answered = added.await.unwrap_or_else(fail);
        let stored = store
            .devices()
            .find(tenant.org, device)
            .await
            .unwrap_or_else(fail);
        assert_eq!(stored.as_ref(), Some(&answered), "the device as it is then");
        let offset = TemperatureDelta::from_milli_celsius(-400);
        assert_eq!(answered.temperature_offset, offset, "the newest counts");
        assert_eq!(
            answered.calibration_due_at,
            Some(newer.due_at),
            "the newest counts"
        );
    }
    let listed = store
        .calibrations()
        .list(tenant.org, device, first(5))
        .await;
    assert_eq!(
        listed.unwrap_or_else(fail).items,
        [newer.clone(), older],
        "newest first"
    );
    let foreign = store.calibrations().list(other.org, device, first(5)).await;
    assert_eq!(foreign.unwrap_or_else(fail).items, [], "nobody else's");
    let refused = store
        .calibrations()
        .add(other.org, newer, journal("stolen"))
        .await;
    assert!(refused.is_err(), "nobody calibrates another's device");
    assert_journals(store, tenant.org, 2).await;
}

/// What was loaded before has the old offset.
pub async fn a_calibrated_device_makes_its_unit_due(store: &dyn RecordStores) {
    let tenant = Tenant::create(store, "alpha").await;
    let stores = store.engine_stores();
    let device = sample::device(stores, &tenant, "Probe").await;
    let change = sample::evaluation(stores, tenant.org, tenant.unit, Some(at(9_000)), "one").await;
    must_commit(stores, change).await;
    let late = sample::evaluation(stores, tenant.org, tenant.unit, Some(at(9_000)), "late").await;
    let calibration = calibration(&tenant, device, 1, 100);
    let added = store
        .calibrations()
        .add(tenant.org, calibration, Journal::default());
    added.await.unwrap_or_else(fail);
    let due = store.monitors().due(at(500), 10).await.unwrap_or_else(fail);
    assert_eq!(due, [(tenant.org, tenant.unit)], "its unit is due");
    assert_conflict(commit(stores, late).await);
}
