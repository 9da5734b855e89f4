//! Acceptance examples of incidents.

use crate::fixture::at;
use freshtrack_alerts::incident::{IncidentChange, IncidentKind, Outages, Silence};
use freshtrack_core::ids::{AlertId, GatewayId, IncidentId, SiteId, UnitId};
use uuid::Uuid;

const SITE: SiteId = SiteId::from_uuid(Uuid::from_u128(1));
const GATEWAY: GatewayId = GatewayId::from_uuid(Uuid::from_u128(7));
const FIRST: IncidentId = IncidentId::from_uuid(Uuid::from_u128(0x1_0000));

fn alert(number: u128) -> AlertId {
    AlertId::from_uuid(Uuid::from_u128(number))
}

fn unit(number: u128) -> UnitId {
    UnitId::from_uuid(Uuid::from_u128(0x10 + number))
}

fn ids() -> impl FnMut() -> IncidentId {
    let mut next = 0x1_0000;
    move || {
        next += 1;
        IncidentId::from_uuid(Uuid::from_u128(next - 1))
    }
}

fn silent(outages: &mut Outages, number: u128, since: &str) -> Vec<IncidentChange> {
    let silence = Silence {
        alert: alert(number),
        unit: unit(number),
        site: SITE,
        since: at(since),
    };
    outages.fell_silent(silence, at(since), &mut ids())
}

/// U1, U2 and U3 fall silent at 25:30, 27:00 and 40:00.
fn outage() -> Outages {
    let mut outages = Outages::default();
    assert_eq!(
        silent(&mut outages, 1, "25:30"),
        [],
        "alone, it pages for itself"
    );
    let opened = silent(&mut outages, 2, "27:00");
    let expected = [
        IncidentChange::Opened(FIRST),
        IncidentChange::Joined(FIRST, alert(1)),
        IncidentChange::Joined(FIRST, alert(2)),
    ];
    assert_eq!(opened, expected);
    let joined = silent(&mut outages, 3, "40:00");
    assert_eq!(joined, [IncidentChange::Joined(FIRST, alert(3))]);
    outages
}

#[test]
fn a_53_one_outage_of_a_site_is_one_incident_and_the_first_alert_speaks_for_all() {
    let outages = outage();
    assert_eq!(outages.incidents.len(), 1);
    assert_eq!(outages.incidents[0].kind, IncidentKind::SiteOutage);
    let spoken_for = [1, 2, 3].map(|number| outages.is_spoken_for(alert(number)));
    assert_eq!(spoken_for, [false, true, true]);
}

#[test]
fn a_54_when_the_lead_is_back_the_oldest_silent_unit_leads_and_pages() {
    let mut outages = outage();
    let changes = outages.alert_closed(alert(1), at("50:00"));
    assert_eq!(changes, [IncidentChange::Leads(FIRST, alert(2))]);
    assert!(!outages.is_spoken_for(alert(2)) && outages.is_spoken_for(alert(3)));
}

#[test]
fn a_new_lead_waits_fifteen_minutes_after_the_last_page() {
    let mut outages = outage();
    outages.paged(alert(1), at("40:30"));
    assert_eq!(outages.alert_closed(alert(1), at("50:00")), []);
    assert!(outages.is_spoken_for(alert(2)), "not yet");
    assert_eq!(outages.next_deadline(), Some(at("55:30")));
    assert_eq!(outages.hand_over(at("55:29")), []);
    assert_eq!(
        outages.hand_over(at("55:30")),
        [IncidentChange::Leads(FIRST, alert(2))]
    );
    assert_eq!(outages.hand_over(at("56:00")), [], "once");
}

#[test]
fn an_incident_closes_with_its_last_alert() {
    let mut outages = outage();
    for number in [3, 2] {
        assert_eq!(outages.alert_closed(alert(number), at("45:00")), []);
    }
    let closed = outages.alert_closed(alert(1), at("46:00"));
    assert_eq!(closed, [IncidentChange::Closed(FIRST)]);
    let row = outages.take_closed().pop().expect("it is told once");
    assert_eq!(row.closed_at, Some(at("46:00")));
    assert_eq!(row.members.len(), 3, "the record keeps who was in it");
    assert_eq!(outages, Outages::default());
}

#[test]
fn units_more_than_five_minutes_apart_or_of_other_sites_are_no_outage() {
    let mut outages = Outages::default();
    silent(&mut outages, 1, "25:30");
    assert_eq!(silent(&mut outages, 2, "30:31"), []);
    let elsewhere = Silence {
        alert: alert(3),
        unit: unit(3),
        site: SiteId::from_uuid(Uuid::from_u128(2)),
        since: at("30:31"),
    };
    assert_eq!(outages.fell_silent(elsewhere, at("30:31"), &mut ids()), []);
    assert!(
        !silent(&mut outages, 4, "35:31").is_empty(),
        "five minutes are close enough"
    );
}

#[test]
fn a_lost_gateway_takes_silences_that_followed_and_closes_when_it_is_back() {
    let mut outages = Outages::default();
    silent(&mut outages, 1, "5:00");
    silent(&mut outages, 2, "20:00");
    let lost = outages.gateway_lost(GATEWAY, SITE, at("10:00"), at("20:00"), &mut ids());
    assert_eq!(
        lost,
        [
            IncidentChange::Opened(FIRST),
            IncidentChange::Joined(FIRST, alert(2))
        ]
    );
    assert!(outages.of(alert(1)).is_none(), "it was silent before");
    assert_eq!(outages.alert_closed(alert(2), at("30:00")), []);
    assert_eq!(
        outages.gateway_seen(GATEWAY, at("31:00")),
        [IncidentChange::Closed(FIRST)]
    );
}

#[test]
fn silences_of_the_first_evaluation_after_a_standstill_are_one_incident_of_the_platform() {
    let mut outages = Outages::default();
    outages.resumed(at("10:00"), at("60:00"));
    let now = at("60:00");
    let fall = |outages: &mut Outages, number: u128, site: u128| {
        let silence = Silence {
            alert: alert(number),
            unit: unit(number),
            site: SiteId::from_uuid(Uuid::from_u128(site)),
            since: at("30:00"),
        };
        outages.fell_silent(silence, now, &mut ids())
    };
    let opened = fall(&mut outages, 1, 1);
    assert!(
        opened.contains(&IncidentChange::Leads(FIRST, alert(1))),
        "one page for all"
    );
    assert_eq!(
        fall(&mut outages, 2, 2),
        [IncidentChange::Joined(FIRST, alert(2))]
    );
    assert_eq!(outages.incidents[0].kind, IncidentKind::PlatformOutage);
    outages.resumed(at("60:00"), at("61:59"));
    assert_eq!(
        silent(&mut outages, 3, "61:59"),
        [],
        "no standstill, no excuse"
    );
}
