//! Incidents through the services: opened by sweeps, stored with the alerts, handed over by readings.

use crate::fixture::at;
use crate::house::{House, reading_of};
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, Severity};
use freshtrack_alerts::change::Target;
use freshtrack_alerts::escalation::yields_to_parent;
use freshtrack_alerts::incident::{Incident, IncidentKind};
use freshtrack_alerts::incident_actions::IncidentActions;
use freshtrack_alerts::ports::{AlertStore, IncidentFilter, IncidentStore, MonitorStore};
use freshtrack_alerts::posted::ReadingOutcome;
use freshtrack_alerts::testkit::sample::further_unit;
use freshtrack_core::event::EventKind;
use freshtrack_core::ids::{AlertId, GatewayId, UnitId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

/// A house whose first site has three units.
struct Street {
    house: House,
    units: [UnitId; 3],
}

impl Street {
    async fn new() -> Self {
        let house = House::new().await;
        let store = &house.store.inner;
        let second = further_unit(store, &house.own, "Fridge 2").await;
        let third = further_unit(store, &house.own, "Fridge 3").await;
        let units = [house.own.unit, second, third];
        Self { house, units }
    }

    /// Sweeps at every second deadline would be at; nothing else happens meanwhile.
    async fn until(&self, time: &str) {
        let end = at(time);
        loop {
            let due = self
                .house
                .store
                .inner
                .due(Timestamp::MAX, 500)
                .await
                .unwrap();
            let mut next = None;
            for (org, unit) in due {
                let first = self.deadline(org, unit).await;
                next = [next, first].into_iter().flatten().min();
            }
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            let now = next.max(self.now());
            self.house.clock.set(now);
            let swept = self.house.sweeper().sweep().await.unwrap();
            assert_eq!(swept.failed, 0);
        }
        self.house.clock.set(end);
    }

    async fn deadline(&self, org: freshtrack_core::ids::OrgId, unit: UnitId) -> Option<Timestamp> {
        // the earliest instant at which the store says it is due
        let (mut low, mut high) = (at("-600:00"), at("6000:00"));
        let due = async |now| {
            let due = self.house.store.inner.due(now, 500).await.unwrap();
            due.contains(&(org, unit))
        };
        if !due(high).await {
            return None;
        }
        while low < high {
            let middle = low + Span::from_micros((high - low).as_micros() / 2);
            if due(middle).await {
                high = middle;
            } else {
                low = middle + Span::from_micros(1);
            }
        }
        Some(low)
    }

    fn now(&self) -> Timestamp {
        use freshtrack_core::ports::Clock;
        self.house.clock.now()
    }

    /// A good reading of a unit, now.
    async fn read(&self, unit: usize, time: &str) {
        self.until(time).await;
        let reading = reading_of(Target::Unit(self.units[unit]), time, "3.5");
        let outcome = self.house.post(vec![Ok(reading)]).await;
        assert!(matches!(outcome[0], ReadingOutcome::Accepted { .. }));
    }

    async fn silence(&self, unit: usize) -> Alert {
        let alerts = self.house.alerts().await;
        let mut of_unit = alerts.into_iter().filter(|alert| {
            alert.unit == self.units[unit]
                && alert.key.alert_type == AlertType::MonitoringInterrupted
        });
        let alert = of_unit.next().expect("the unit's silence");
        assert!(of_unit.next().is_none(), "one silence per unit");
        alert
    }

    async fn incidents(&self) -> Vec<Incident> {
        let page = PageRequest {
            limit: 100,
            after: None,
        };
        let filter = IncidentFilter::default();
        let store = &self.house.store.inner;
        let listed = IncidentStore::list(store, self.house.own.org, &filter, page).await;
        listed.unwrap().items
    }

    /// Lines of an alert's history that call somebody, with their instants.
    async fn calls(&self, alert: AlertId) -> Vec<(Timestamp, serde_json::Value)> {
        let store = &self.house.store.inner;
        let lines = store.history(self.house.own.org, alert, 100).await.unwrap();
        let escalated = freshtrack_alerts::alert::AlertEventKind::Escalated;
        lines
            .into_iter()
            .filter(|line| line.kind == escalated)
            .map(|line| (line.at, line.details["level"].clone()))
            .collect()
    }

    async fn outage() -> Self {
        let street = Self::new().await;
        // silent five intervals and half a minute later: at 25:30, 27:00 and 40:00
        for (unit, time) in ["0:00", "1:30", "14:30"].into_iter().enumerate() {
            street.read(unit, time).await;
        }
        street
    }
}

#[tokio::test]
async fn a_53_one_outage_of_a_site_is_one_stored_incident_and_one_page() {
    let street = Street::outage().await;
    street.until("26:59").await;
    assert_eq!(street.incidents().await, [], "one silence is none");
    street.until("40:01").await;
    let incidents = street.incidents().await;
    assert_eq!(incidents.len(), 1);
    let (incident, alerts) = (
        &incidents[0],
        [
            street.silence(0).await,
            street.silence(1).await,
            street.silence(2).await,
        ],
    );
    assert_eq!(incident.kind, IncidentKind::SiteOutage);
    assert_eq!(incident.lead, Some(alerts[0].id));
    assert_eq!(incident.opened_at, at("27:00"));
    let members: Vec<AlertId> = incident.members.iter().map(|m| m.alert).collect();
    assert_eq!(members, alerts.clone().map(|alert| alert.id));
    for alert in &alerts {
        assert_eq!(alert.incident, Some(incident.id), "the row names it");
        assert_eq!(alert.severity, Severity::Critical);
    }
    assert_eq!(alerts[0].correlated_with, None, "it speaks for itself");
    assert!(alerts[0].next_escalation_at.is_some());
    for alert in &alerts[1..] {
        assert!(yields_to_parent(alert.key.alert_type));
        assert_eq!(
            alert.correlated_with, incident.lead,
            "the lead speaks for it"
        );
        assert_eq!(alert.next_escalation_at, None);
        assert_eq!(street.calls(alert.id).await, [], "and nobody is called");
    }
    let kinds = street.house.event_kinds().await;
    let opened = kinds
        .iter()
        .filter(|kind| **kind == EventKind::IncidentOpened);
    assert_eq!(opened.count(), 1);
    // what is told of the second silence names the incident already when it is told
    let events = street.house.events(street.house.own.org).await;
    let told = events.iter().find(|event| {
        event.kind == EventKind::AlertSeverityRaised && event.alert == Some(alerts[1].id)
    });
    let payload = &told.expect("it became critical").payload;
    assert_eq!(
        payload["alert"]["correlated_with"],
        serde_json::json!(alerts[0].id)
    );
    assert_eq!(payload["alert"]["incident"], serde_json::json!(incident.id));
}

#[tokio::test]
async fn a_54_the_oldest_silence_takes_over_when_the_lead_is_back() {
    let street = Street::outage().await;
    street.until("30:00").await;
    let first = street.silence(0).await;
    let ann = street.house.own.owner.id;
    let actions = street.house.actions();
    let taken = actions.acknowledge(street.house.own.org, first.id, ann, None);
    taken.await.unwrap();
    street.read(0, "50:00").await;
    street.until("50:05").await;
    let (second, third) = (street.silence(1).await, street.silence(2).await);
    assert_eq!(street.silence(0).await.status, AlertStatus::Resolved);
    assert_eq!(street.incidents().await[0].lead, Some(second.id));
    let calls = street.calls(second.id).await;
    assert_eq!(
        calls,
        [(at("50:00"), serde_json::json!(0))],
        "it pages at once"
    );
    assert_eq!(second.correlated_with, None);
    assert_eq!(
        second.next_escalation_at,
        Some(at("65:00")),
        "and escalates from then on"
    );
    assert_eq!(street.calls(third.id).await, []);
    for (unit, time) in [(1, "51:00"), (2, "52:00")] {
        street.read(unit, time).await;
    }
    let incident = &street.incidents().await[0];
    assert_eq!(
        incident.closed_at,
        Some(at("52:00")),
        "it ends with its last alert"
    );
    assert_eq!(incident.members.len(), 3);
    let kinds = street.house.event_kinds().await;
    assert!(kinds.contains(&EventKind::IncidentClosed));
}

#[tokio::test]
async fn a_new_lead_waits_for_a_quarter_of_an_hour_after_the_last_page() {
    let street = Street::outage().await;
    // the lead calls at 40:30, its first step
    street.read(0, "41:00").await;
    street.until("55:29").await;
    let second = street.silence(1).await;
    assert_eq!(street.calls(second.id).await, [], "not yet");
    street.until("55:30").await;
    let calls = street.calls(second.id).await;
    assert_eq!(calls, [(at("55:30"), serde_json::json!(0))]);
    street.until("69:00").await;
    assert_eq!(street.calls(second.id).await.len(), 1, "once");
}

#[tokio::test]
async fn l_43_an_outage_delays_no_temperature_alert() {
    let street = Street::outage().await;
    street.until("30:00").await;
    for time in ["31:00", "36:00", "41:00"] {
        street.until(time).await;
        let warm = reading_of(Target::Unit(street.units[1]), time, "7.2");
        street.house.post(vec![Ok(warm)]).await;
    }
    let alerts = street.house.alerts().await;
    let warm = alerts
        .iter()
        .find(|alert| alert.key.alert_type == AlertType::TempExcursion);
    let warm = warm.expect("it is raised");
    assert_eq!(warm.severity, Severity::Critical);
    assert_eq!(warm.incident, None);
    assert_eq!(warm.next_escalation_at, Some(at("56:00")));
}

#[tokio::test]
async fn silences_noticed_after_a_standstill_are_one_incident_of_the_platform() {
    let street = Street::new().await;
    for unit in 0..3 {
        street.read(unit, &format!("{}:00", unit * 10)).await;
    }
    // nobody evaluates anything for an hour; the units fell silent ten minutes apart
    street.house.clock.set(at("90:00"));
    street.house.sweeper().sweep().await.unwrap();
    let incidents = street.incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].kind, IncidentKind::PlatformOutage);
    assert_eq!(incidents[0].members.len(), 3);
    assert_eq!(
        incidents[0].stood_still.map(|still| still.1),
        Some(at("90:00"))
    );
}

#[tokio::test]
async fn a_lost_gateway_explains_the_silences_of_its_site_until_it_is_back() {
    let street = Street::outage().await;
    street.until("26:00").await;
    let (org, site) = (street.house.own.org, street.house.own.site);
    let gateway = GatewayId::from_uuid(Uuid::from_u128(7));
    let actions = IncidentActions::new(street.house.engine.clone());
    for _ in 0..2 {
        let lost = actions.gateway_lost(org, gateway, site, at("14:45"));
        lost.await.unwrap();
    }
    street.until("40:01").await;
    let incidents = street.incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].kind, IncidentKind::GatewayOffline);
    assert_eq!(incidents[0].children.len(), 3);
    for unit in 0..3 {
        street.read(unit, &format!("4{}:00", unit + 1)).await;
    }
    assert_eq!(
        street.incidents().await[0].closed_at,
        None,
        "not while it is gone"
    );
    actions.gateway_seen(org, gateway).await.unwrap();
    assert_eq!(street.incidents().await[0].closed_at, Some(at("43:00")));
}
