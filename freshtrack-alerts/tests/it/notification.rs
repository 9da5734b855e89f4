//! Acceptance examples of notification decisions.

use crate::fixture::{DOOR, F1, TEMP, at, key, unit};
use chrono_tz::{America::New_York, Tz};
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, Severity};
use freshtrack_alerts::notification::{
    Decision, Deferred, Moment, Occasion, Person, Recipient, Sent, Skipped, Verdict, at_due, decide,
};
use freshtrack_alerts::policy::{
    Channel, EffectivePolicy, PolicyFields, PolicySet, PolicyStep, resolve,
};
use freshtrack_alerts::quiet_hours::QuietHours;
use freshtrack_alerts::rules::RuleScope;
use freshtrack_core::ids::{AlertId, ContactId, OrgId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::reading::DoorState;
use freshtrack_core::time::{Span, Timestamp};
use uuid::Uuid;

const ORG: OrgId = OrgId::from_uuid(Uuid::from_u128(0));

fn member(number: u128, role: Role) -> Person {
    Person {
        recipient: Recipient::User(UserId::from_uuid(Uuid::from_u128(number))),
        user: None,
        role: Some(role),
        priority: None,
        email: Some(format!("member{number}@example.test")),
        phone: Some(format!("+1555000{number}")),
        phone_verified: true,
        channels: vec![Channel::Email, Channel::Sms],
        opted_out: false,
    }
}

fn contact(number: u128, priority: u32) -> Person {
    Person {
        recipient: Recipient::Contact(ContactId::from_uuid(Uuid::from_u128(number))),
        priority: Some(priority),
        role: None,
        ..member(number, Role::Viewer)
    }
}

/// An open, critical alert of the fixture's unit.
fn critical() -> Alert {
    F1::in_alarm().only(TEMP).clone()
}

fn door(severity: Severity, number: u128) -> Alert {
    let mut f = F1::new();
    f.door("0:00", DoorState::Open).wait("3:00");
    Alert {
        id: AlertId::from_uuid(Uuid::from_u128(number)),
        severity,
        ..f.only(DOOR).clone()
    }
}

fn occasion(alert: &Alert, moment: Moment, now: Timestamp) -> Occasion<'_> {
    Occasion {
        alert,
        moment,
        level: 0,
        scheduled_at: now,
        now,
        zone: Tz::UTC,
        suppressed_until: None,
        spoken_for: false,
    }
}

fn verdicts(decisions: &[Decision], channel: Channel) -> Vec<Verdict> {
    let of_channel = decisions
        .iter()
        .filter(|decision| decision.channel == channel);
    of_channel
        .map(|decision| decision.verdict.clone())
        .collect()
}

const fn skipped(why: Skipped) -> Verdict {
    Verdict::Skipped(why)
}

#[test]
fn a_24_an_alarm_that_is_over_is_mailed_but_wakes_nobody() {
    let alert = Alert {
        status: AlertStatus::Resolved,
        ..critical()
    };
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [member(1, Role::Owner)];
    let confirmed = occasion(&alert, Moment::AlertConfirmed, at("60:00"));
    let decisions = decide(&confirmed, &policy, &people, &mut Vec::new());
    assert_eq!(verdicts(&decisions, Channel::InApp), [Verdict::Send]);
    assert_eq!(verdicts(&decisions, Channel::Email), [Verdict::Send]);
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [skipped(Skipped::AlreadyResolved)]
    );
}

#[test]
fn l_39_an_unconfirmed_excursion_is_shown_and_mailed_to_nobody() {
    let mut f = F1::new();
    f.read("0:00", "7.2");
    let mut policy = EffectivePolicy::built_in(Severity::Warning);
    policy
        .initial_channels
        .extend([Channel::Email, Channel::Sms]);
    let raised = occasion(f.only(TEMP), Moment::AlertRaised, at("0:00"));
    let people = [
        member(1, Role::Owner),
        member(2, Role::Staff),
        member(3, Role::Viewer),
    ];
    let decisions = decide(&raised, &policy, &people, &mut Vec::new());
    assert_eq!(
        verdicts(&decisions, Channel::InApp),
        [Verdict::Send, Verdict::Send]
    );
    assert_eq!(
        verdicts(&decisions, Channel::Email),
        [skipped(Skipped::Unconfirmed)]
    );
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [skipped(Skipped::Unconfirmed)]
    );
}

fn night() -> EffectivePolicy {
    EffectivePolicy {
        initial_channels: vec![Channel::Email],
        quiet_hours: Some(QuietHours {
            start_minute: 22 * 60,
            end_minute: 6 * 60,
        }),
        ..EffectivePolicy::built_in(Severity::Warning)
    }
}

#[test]
fn a_57_a_warning_at_night_waits_for_the_morning_and_is_then_out_of_date() {
    let mut alert = door(Severity::Warning, 1);
    let now = "2026-03-02T23:00:00-05:00".parse().unwrap();
    let raised = Occasion {
        zone: New_York,
        ..occasion(&alert, Moment::AlertRaised, now)
    };
    let people = [member(1, Role::Owner)];
    let decisions = decide(&raised, &night(), &people, &mut Vec::new());
    let waits = Verdict::Deferred {
        why: Deferred::QuietHours,
        until: "2026-03-03T11:00:00Z".parse().unwrap(),
    };
    assert_eq!(verdicts(&decisions, Channel::Email), [waits]);
    assert_eq!(decisions.len(), 1, "one row");
    alert.status = AlertStatus::Resolved;
    assert_eq!(
        at_due(&alert, Channel::Email),
        skipped(Skipped::AlreadyResolved)
    );
}

#[test]
fn a_58_a_critical_alert_knows_no_night() {
    let alert = critical();
    let now = "2026-03-02T23:00:00-05:00".parse().unwrap();
    let confirmed = Occasion {
        zone: New_York,
        ..occasion(&alert, Moment::AlertConfirmed, now)
    };
    let people = [member(1, Role::Owner)];
    let decisions = decide(&confirmed, &night(), &people, &mut Vec::new());
    assert_eq!(verdicts(&decisions, Channel::Email), [Verdict::Send]);
}

#[test]
fn a_59_l_54_a_cooldown_holds_back_warnings_and_no_other_critical_alert() {
    let policy = EffectivePolicy {
        initial_channels: vec![Channel::Sms],
        ..EffectivePolicy::built_in(Severity::Warning)
    };
    let people = [member(1, Role::Owner)];
    let mut sent = Vec::new();
    let mut texts = Vec::new();
    let alerts = [
        (Severity::Critical, "0:00"),
        (Severity::Critical, "2:00"),
        (Severity::Warning, "3:00"),
        (Severity::Warning, "17:00"),
    ];
    for (number, (severity, time)) in (1..).zip(alerts) {
        let alert = door(severity, number);
        let raised = occasion(&alert, Moment::AlertRaised, at(time));
        texts.extend(verdicts(
            &decide(&raised, &policy, &people, &mut sent),
            Channel::Sms,
        ));
    }
    let expected = [
        Verdict::Send,
        Verdict::Send,
        skipped(Skipped::CooldownUser),
        Verdict::Send,
    ];
    assert_eq!(texts, expected);
}

#[test]
fn a_60_l_55_the_fifty_first_text_message_of_an_hour_goes_by_mail() {
    let alert = critical();
    let policy = EffectivePolicy {
        initial_channels: vec![Channel::Sms],
        ..EffectivePolicy::built_in(Severity::Critical)
    };
    let other = |number: u128| Sent {
        alert: AlertId::from_uuid(Uuid::from_u128(1_000 + number)),
        alert_type: AlertType::DoorOpen,
        recipient: Recipient::User(UserId::from_uuid(Uuid::from_u128(number))),
        channel: Channel::Sms,
        scheduled_at: at("-59:00"),
        at: at("-59:00"),
    };
    let mut sent: Vec<Sent> = (100..149).map(other).collect();
    let people = [member(1, Role::Owner), member(2, Role::Admin)];
    let confirmed = occasion(&alert, Moment::AlertConfirmed, at("0:00"));
    let decisions = decide(&confirmed, &policy, &people, &mut sent);
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [Verdict::Send, skipped(Skipped::OrgSmsLimit)],
        "the limit holds inside one decision too"
    );
    assert_eq!(verdicts(&decisions, Channel::Email), [Verdict::Send]);
    let later = occasion(&alert, Moment::AlertConfirmed, at("1:00"));
    let decisions = decide(&later, &policy, &people[1..], &mut sent);
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [Verdict::Send],
        "the window slides"
    );
}

#[test]
fn the_same_message_goes_out_once_in_fifteen_minutes_and_a_step_is_never_swallowed() {
    let alert = critical();
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [contact(1, 0)];
    let mut sent = Vec::new();
    let mut texts = Vec::new();
    for time in ["0:00", "14:59", "15:00"] {
        let step = Occasion {
            level: 1,
            ..occasion(&alert, Moment::EscalationStep, at(time))
        };
        texts.extend(verdicts(
            &decide(&step, &policy, &people, &mut sent),
            Channel::Sms,
        ));
    }
    let expected = [
        Verdict::Send,
        skipped(Skipped::CooldownAlert),
        Verdict::Send,
    ];
    assert_eq!(texts, expected);
}

#[test]
fn l_52_the_first_step_calls_contacts_of_priority_zero_or_else_the_chiefs() {
    let alert = critical();
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let everybody = [
        contact(1, 0),
        contact(2, 1),
        member(3, Role::Owner),
        member(4, Role::Staff),
    ];
    let called = |level: u16, people: &[Person]| {
        let step = Occasion {
            level,
            ..occasion(&alert, Moment::EscalationStep, at("15:00"))
        };
        let decisions = decide(&step, &policy, people, &mut Vec::new());
        let mut called: Vec<_> = decisions.into_iter().map(|row| row.recipient).collect();
        called.dedup();
        called
    };
    let ids = |people: &[Person]| people.iter().map(|p| Some(p.recipient)).collect::<Vec<_>>();
    assert_eq!(called(1, &everybody), ids(&everybody[..1]));
    assert_eq!(called(2, &everybody), ids(&everybody[..2]));
    assert_eq!(called(3, &everybody), ids(&everybody[..3]));
    assert_eq!(
        called(1, &everybody[1..]),
        ids(&everybody[2..3]),
        "owners and admins instead"
    );
    assert_eq!(called(1, &[]), [None], "a row even when there is nobody");
}

#[test]
fn l_49_whoever_cannot_be_reached_is_a_row_that_says_why() {
    use Skipped::{NoAddress, NotOptedIn, OptedOut, UnverifiedNumber};
    let alert = critical();
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let odd = [
        Person {
            phone: None,
            ..member(1, Role::Owner)
        },
        Person {
            channels: vec![Channel::Email],
            ..member(2, Role::Owner)
        },
        Person {
            phone_verified: false,
            ..member(3, Role::Owner)
        },
        Person {
            opted_out: true,
            ..member(4, Role::Owner)
        },
    ];
    let confirmed = occasion(&alert, Moment::AlertConfirmed, at("10:00"));
    let decisions = decide(&confirmed, &policy, &odd, &mut Vec::new());
    let expected = [NoAddress, NotOptedIn, UnverifiedNumber, OptedOut].map(Verdict::Skipped);
    assert_eq!(verdicts(&decisions, Channel::Sms), expected);
}

#[test]
fn one_person_with_two_records_is_told_once() {
    let alert = critical();
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let owner = member(1, Role::Owner);
    let same_address = Person {
        email: owner.email.clone(),
        ..contact(9, 0)
    };
    let step = Occasion {
        level: 3,
        ..occasion(&alert, Moment::EscalationStep, at("45:00"))
    };
    let decisions = decide(&step, &policy, &[owner, same_address], &mut Vec::new());
    assert_eq!(verdicts(&decisions, Channel::Email).len(), 1);
}

#[test]
fn a_suppressed_alert_waits_and_one_spoken_for_is_quiet_but_never_a_temperature() {
    let alert = critical();
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [member(1, Role::Owner)];
    let now = at("10:00");
    let suppressed = Occasion {
        suppressed_until: Some(at("60:00")),
        spoken_for: true,
        ..occasion(&alert, Moment::AlertConfirmed, now)
    };
    let decisions = decide(&suppressed, &policy, &people, &mut Vec::new());
    let waits = Verdict::Deferred {
        why: Deferred::Suppressed,
        until: at("60:00"),
    };
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [waits],
        "l_43: no incident delays it"
    );
    let silence = Alert {
        key: key(AlertType::MonitoringInterrupted),
        ..alert.clone()
    };
    let spoken_for = Occasion {
        spoken_for: true,
        ..occasion(&silence, Moment::AlertRaised, now)
    };
    let decisions = decide(&spoken_for, &policy, &people, &mut Vec::new());
    assert_eq!(
        verdicts(&decisions, Channel::Sms),
        [skipped(Skipped::Correlated)]
    );
}

#[test]
fn taken_alerts_call_nobody_except_when_they_last_too_long() {
    let alert = Alert {
        status: AlertStatus::Acknowledged,
        ..critical()
    };
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [member(1, Role::Owner)];
    let texts = |moment| {
        let occasion = Occasion {
            level: 1,
            ..occasion(&alert, moment, at("60:00"))
        };
        verdicts(
            &decide(&occasion, &policy, &people, &mut Vec::new()),
            Channel::Sms,
        )
    };
    assert_eq!(
        texts(Moment::EscalationStep),
        [skipped(Skipped::Acknowledged)]
    );
    assert_eq!(texts(Moment::MaxExcursion), [Verdict::Send]);
}

#[test]
fn the_end_is_told_to_those_who_were_told_before() {
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [member(1, Role::Owner), member(2, Role::Manager)];
    let open = critical();
    let mut sent = Vec::new();
    let confirmed = occasion(&open, Moment::AlertConfirmed, at("10:00"));
    assert!(!decide(&confirmed, &policy, &people, &mut sent).is_empty());
    let over = Alert {
        status: AlertStatus::Resolved,
        ..open.clone()
    };
    let resolved = occasion(&over, Moment::AlertResolved, at("11:00"));
    let decisions = decide(&resolved, &policy, &people, &mut sent);
    let mailed: Vec<_> = decisions
        .iter()
        .filter(|row| row.channel == Channel::Email)
        .map(|row| (row.recipient, row.verdict.clone()))
        .collect();
    assert_eq!(mailed, [(Some(people[0].recipient), Verdict::Send)]);
    assert_eq!(verdicts(&decisions, Channel::InApp).len(), 2);
}

#[test]
fn l_47_one_policy_field_set_nearby_does_not_shadow_the_others() {
    let set = |scope, id: Uuid, alert_type, fields| PolicySet {
        scope,
        scope_id: id,
        alert_type,
        severity: None,
        fields,
        version: 1,
    };
    let unit = unit();
    let cap = |cap| PolicyFields {
        repeat_cap: Some(cap),
        ..PolicyFields::default()
    };
    let organization = PolicyFields {
        notify_roles: Some(vec![Role::Manager]),
        steps: Some(vec![PolicyStep {
            delay_seconds: 60,
            contact_priority_max: None,
            roles: vec![Role::Manager],
            channels: vec![Channel::Sms],
        }]),
        ..cap(2)
    };
    let sets = [
        set(RuleScope::Organization, ORG.as_uuid(), None, organization),
        set(RuleScope::Unit, unit.id.as_uuid(), None, cap(7)),
        set(
            RuleScope::Unit,
            unit.id.as_uuid(),
            Some(AlertType::DoorOpen),
            cap(1),
        ),
    ];
    let of = |alert_type| resolve(&sets, ORG, &unit, alert_type, Severity::Critical);
    let policy = of(AlertType::TempExcursion);
    assert_eq!(
        (policy.repeat_cap, policy.notify_roles),
        (7, vec![Role::Manager])
    );
    assert_eq!(policy.steps.len(), 1);
    assert_eq!(
        of(AlertType::DoorOpen).repeat_cap,
        1,
        "the type before the general one"
    );
    let built_in = EffectivePolicy::built_in(Severity::Critical);
    assert_eq!(
        of(AlertType::DoorOpen).send_resolved,
        built_in.send_resolved
    );
}

#[test]
fn the_engines_delays_are_those_of_the_built_in_policy() {
    let plans = freshtrack_alerts::escalation::Plans::default();
    for severity in Severity::ALL {
        assert_eq!(
            EffectivePolicy::built_in(*severity).plan(),
            *plans.of(*severity)
        );
    }
    assert_eq!(
        Span::from_minutes(15),
        freshtrack_alerts::notification::COOLDOWN
    );
}

/// L-49 from the engine to the decision: whatever the engine tells of an alarm's life becomes rows.
#[test]
fn l_49_every_moment_of_an_alarm_leaves_at_least_one_decision() {
    use Moment::{
        AlertConfirmed, AlertRaised, AlertResolved, EscalationExhausted, EscalationStep,
        MaxExcursion,
    };
    let mut f = F1::new();
    f.read("0:00", "7.2").wait("300:00");
    f.read("300:00", "4.0").read("301:00", "4.0");
    let policy = EffectivePolicy::built_in(Severity::Critical);
    let people = [member(1, Role::Owner), contact(2, 0), contact(3, 1)];
    let mut sent = Vec::new();
    let mut moments = Vec::new();
    for told in f.told.iter().filter(|told| told.alert.key == TEMP) {
        let level = told.alert.escalation_level;
        let Some(moment) = Moment::of(told.kind, level) else {
            continue;
        };
        let now = told
            .alert
            .resolved
            .as_ref()
            .map_or(at("0:00"), |resolved| resolved.at);
        let occasion = Occasion {
            level,
            ..occasion(&told.alert, moment, now)
        };
        let rows = decide(&occasion, &policy, &people, &mut sent);
        assert!(!rows.is_empty(), "nothing decided at {moment}");
        if moments.last() != Some(&moment) {
            moments.push(moment);
        }
    }
    let expected = [
        AlertRaised,
        AlertConfirmed,
        EscalationStep,
        MaxExcursion,
        EscalationStep,
        EscalationExhausted,
        AlertResolved,
    ];
    assert_eq!(moments, expected);
}
