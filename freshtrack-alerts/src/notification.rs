//! Notification decisions: for every moment of an alert, who gets a message on which channel, and why
//! somebody does not. "Nothing happened" is not a possible outcome.
//!
//! Pure: people, policy, what was sent before and what surrounds the alert are values; the rows that come
//! out are written with the change they belong to, and sending starts after commit.

use crate::alert::{Alert, AlertEventKind, AlertStatus, AlertType, Severity};
use crate::escalation::{calls_somebody, yields_to_parent};
use crate::policy::{Channel, EffectivePolicy};
use chrono_tz::Tz;
use freshtrack_core::ids::{AlertId, ContactId, UserId};
use freshtrack_core::principal::Role;
use freshtrack_core::time::{Span, Timestamp};
use freshtrack_core::wire_enum;
use serde::{Deserialize, Serialize};

/// The same alert goes to the same recipient on the same channel at most once in this time, and one
/// person gets at most one text message per alert type.
pub const COOLDOWN: Span = Span::from_minutes(15);
/// Text messages of an organization per [`SMS_WINDOW`].
pub const SMS_PER_WINDOW: usize = 50;
/// The sliding window of [`SMS_PER_WINDOW`].
pub const SMS_WINDOW: Span = Span::from_minutes(60);

wire_enum! {
    /// What a message is about.
    Moment {
        /// The alert was raised.
        AlertRaised = "alert_raised",
        /// The excursion was confirmed.
        AlertConfirmed = "alert_confirmed",
        /// It became more severe.
        SeverityRaised = "severity_raised",
        /// A step of escalation is due.
        EscalationStep = "escalation_step",
        /// Nobody is left to call.
        EscalationExhausted = "escalation_exhausted",
        /// The alarm lasts too long.
        MaxExcursion = "max_excursion",
        /// It is over.
        AlertResolved = "alert_resolved",
    }
}

impl Moment {
    /// The moment that a line of an alert's history is, if anybody is to be told of it; `level` is the
    /// step of an escalation, where 0 is the page of an alert that yielded to another until now.
    #[must_use]
    pub const fn of(kind: AlertEventKind, level: u16) -> Option<Self> {
        match kind {
            AlertEventKind::Raised => Some(Self::AlertRaised),
            AlertEventKind::Confirmed => Some(Self::AlertConfirmed),
            AlertEventKind::SeverityRaised => Some(Self::SeverityRaised),
            AlertEventKind::Escalated if level == 0 => Some(Self::AlertRaised),
            AlertEventKind::Escalated => Some(Self::EscalationStep),
            AlertEventKind::EscalationExhausted => Some(Self::EscalationExhausted),
            AlertEventKind::MaxExcursion => Some(Self::MaxExcursion),
            AlertEventKind::ResolvedAuto | AlertEventKind::ResolvedManual => {
                Some(Self::AlertResolved)
            }
            AlertEventKind::Acknowledged
            | AlertEventKind::AckLapsed
            | AlertEventKind::Snoozed
            | AlertEventKind::Suppressed
            | AlertEventKind::SuppressionEnded
            | AlertEventKind::Correlated
            | AlertEventKind::NotificationDecided
            | AlertEventKind::Reraised
            | AlertEventKind::CorrectiveActionAdded => None,
        }
    }
}

wire_enum! {
    /// Why somebody is not told.
    Skipped {
        /// The excursion is not confirmed.
        Unconfirmed = "unconfirmed",
        /// Another alert or the incident's lead speaks for it.
        Correlated = "correlated",
        /// It is over already.
        AlreadyResolved = "already_resolved",
        /// Somebody has taken it.
        Acknowledged = "acknowledged",
        /// The same message went out a moment ago.
        CooldownAlert = "cooldown_alert",
        /// A text message of this type went to this person a moment ago.
        CooldownUser = "cooldown_user",
        /// The organization has used up its text messages.
        OrgSmsLimit = "org_sms_limit",
        /// No address for this channel.
        NoAddress = "no_address",
        /// The person has not switched the channel on.
        NotOptedIn = "not_opted_in",
        /// The number is not verified.
        UnverifiedNumber = "unverified_number",
        /// The person asked the provider to stop.
        OptedOut = "opted_out",
        /// The channel is not available here.
        ChannelDisabled = "channel_disabled",
        /// There is nobody to tell.
        NoRecipient = "no_recipient",
    }
}

wire_enum! {
    /// Why a message waits.
    Deferred {
        /// A suppression covers the alert.
        Suppressed = "suppressed",
        /// It is night at the site.
        QuietHours = "quiet_hours",
    }
}

/// Somebody who can be told: a member, or an escalation contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Recipient {
    /// A member.
    User(UserId),
    /// A contact.
    Contact(ContactId),
}

/// A recipient with what decides whether it can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub recipient: Recipient,
    /// The member behind a contact, if it is one.
    pub user: Option<UserId>,
    /// Role, for members.
    pub role: Option<Role>,
    /// Priority, for contacts in use: 0 is called first.
    pub priority: Option<u32>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Whether the number was proven; contacts count as proven.
    pub phone_verified: bool,
    /// Channels the person wants.
    pub channels: Vec<Channel>,
    /// Whether the person told the provider to stop.
    pub opted_out: bool,
}

/// What became of one message to one recipient on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is to be sent.
    Send,
    /// It is not.
    Skipped(Skipped),
    /// It waits; then it is sent, or skipped as resolved.
    Deferred {
        /// Why.
        why: Deferred,
        /// Until when.
        until: Timestamp,
    },
}

/// One decision: one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// About what.
    pub moment: Moment,
    /// Step of escalation, 0 for none.
    pub level: u16,
    /// To whom; nobody if there is nobody.
    pub recipient: Option<Recipient>,
    /// How.
    pub channel: Channel,
    /// Where to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// What.
    pub verdict: Verdict,
}

/// A message that was decided to be sent, as later decisions need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// About which alert.
    pub alert: AlertId,
    /// Of which type.
    pub alert_type: AlertType,
    /// To whom.
    pub recipient: Recipient,
    /// How.
    pub channel: Channel,
    /// When it was due: cooldowns count from there.
    pub scheduled_at: Timestamp,
    /// When it was decided.
    pub at: Timestamp,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The alert as it stands now.
    pub alert: &'a Alert,
    /// What happened.
    pub moment: Moment,
    /// Step of escalation, from 1; 0 for the other moments.
    pub level: u16,
    /// When the message was due.
    pub scheduled_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// Zone of the site.
    pub zone: Tz,
    /// End of the suppression that covers the alert.
    pub suppressed_until: Option<Timestamp>,
    /// Whether the alert or the incident it belongs to speaks for it.
    pub spoken_for: bool,
}

/// Decides one occasion. Messages that go out are added to `sent`, which holds the organization's of
/// the last hour and all of this alert.
#[must_use]
pub fn decide(
    occasion: &Occasion<'_>,
    policy: &EffectivePolicy,
    people: &[Person],
    sent: &mut Vec<Sent>,
) -> Vec<Decision> {
    let mut decisions = Vec::new();
    notices(occasion, policy, people, &mut decisions);
    let channels = channels(occasion, policy);
    let recipients = recipients(occasion, policy, people, sent);
    for channel in channels
        .iter()
        .filter(|channel| **channel != Channel::InApp)
    {
        if recipients.is_empty() && occasion.moment != Moment::AlertResolved {
            let nobody = Verdict::Skipped(Skipped::NoRecipient);
            decisions.push(row(occasion, None, *channel, None, nobody));
        }
    }
    for person in recipients {
        let mut queue: Vec<Channel> = channels
            .iter()
            .copied()
            .filter(|channel| *channel != Channel::InApp)
            .collect();
        let mut next = 0;
        while let Some(channel) = queue.get(next).copied() {
            next += 1;
            let (address, verdict) = judge(occasion, policy, person, channel, sent);
            if verdict == Verdict::Skipped(Skipped::OrgSmsLimit) && !queue.contains(&Channel::Email)
            {
                queue.push(Channel::Email);
            }
            if verdict == Verdict::Send {
                sent.push(Sent {
                    alert: occasion.alert.id,
                    alert_type: occasion.alert.key.alert_type,
                    recipient: person.recipient,
                    channel,
                    scheduled_at: occasion.scheduled_at,
                    at: occasion.now,
                });
            }
            let recipient = Some(person.recipient);
            decisions.push(row(occasion, recipient, channel, address, verdict));
        }
    }
    decisions
}

fn row(
    occasion: &Occasion<'_>,
    recipient: Option<Recipient>,
    channel: Channel,
    address: Option<String>,
    verdict: Verdict,
) -> Decision {
    Decision {
        moment: occasion.moment,
        level: occasion.level,
        recipient,
        channel,
        address,
        verdict,
    }
}

/// In-app notices go to every member who may act, never limited and never deferred.
fn notices(
    occasion: &Occasion<'_>,
    policy: &EffectivePolicy,
    people: &[Person],
    decisions: &mut Vec<Decision>,
) {
    if !channels(occasion, policy).contains(&Channel::InApp) {
        return;
    }
    let staff = |person: &&Person| person.role.is_some_and(|role| role >= Role::Staff);
    let before = decisions.len();
    for person in people.iter().filter(staff) {
        let recipient = Some(person.recipient);
        decisions.push(row(
            occasion,
            recipient,
            Channel::InApp,
            None,
            Verdict::Send,
        ));
    }
    if decisions.len() == before {
        let nobody = Verdict::Skipped(Skipped::NoRecipient);
        decisions.push(row(occasion, None, Channel::InApp, None, nobody));
    }
}

fn channels(occasion: &Occasion<'_>, policy: &EffectivePolicy) -> Vec<Channel> {
    match occasion.moment {
        Moment::AlertRaised | Moment::AlertConfirmed | Moment::SeverityRaised => {
            policy.initial_channels.clone()
        }
        Moment::EscalationStep => step(occasion, policy)
            .map(|step| step.channels.clone())
            .unwrap_or_default(),
        Moment::MaxExcursion => policy.steps.last().map_or_else(
            || policy.initial_channels.clone(),
            |step| step.channels.clone(),
        ),
        Moment::EscalationExhausted => vec![Channel::InApp, Channel::Email, Channel::Sms],
        Moment::AlertResolved => policy.send_resolved.clone(),
    }
}

fn step<'p>(
    occasion: &Occasion<'_>,
    policy: &'p EffectivePolicy,
) -> Option<&'p crate::policy::PolicyStep> {
    let index = usize::from(occasion.level.checked_sub(1)?);
    policy.steps.get(index)
}

/// Who is meant, each person once; owners and admins if that would be nobody.
fn recipients<'p>(
    occasion: &Occasion<'_>,
    policy: &EffectivePolicy,
    people: &'p [Person],
    sent: &[Sent],
) -> Vec<&'p Person> {
    let with_role =
        |person: &Person, roles: &[Role]| person.role.is_some_and(|role| roles.contains(&role));
    let of_step = |person: &Person, step: &crate::policy::PolicyStep| {
        let called = step.contact_priority_max.zip(person.priority);
        called.is_some_and(|(most, priority)| priority <= most) || with_role(person, &step.roles)
    };
    let meant = |person: &&Person| match occasion.moment {
        Moment::AlertRaised | Moment::AlertConfirmed | Moment::SeverityRaised => {
            with_role(person, &policy.notify_roles)
        }
        Moment::EscalationStep => step(occasion, policy).is_some_and(|step| of_step(person, step)),
        Moment::MaxExcursion => match policy.steps.last() {
            Some(step) => of_step(person, step),
            None => with_role(person, &policy.notify_roles),
        },
        Moment::EscalationExhausted => person.role == Some(Role::Owner),
        Moment::AlertResolved => sent
            .iter()
            .any(|sent| sent.alert == occasion.alert.id && sent.recipient == person.recipient),
    };
    let found = distinct(people.iter().filter(meant));
    if found.is_empty() && occasion.moment != Moment::AlertResolved {
        let chiefs = [Role::Owner, Role::Admin];
        return distinct(people.iter().filter(|person| with_role(person, &chiefs)));
    }
    found
}

/// Each person once: by member, and by address.
fn distinct<'p>(people: impl Iterator<Item = &'p Person>) -> Vec<&'p Person> {
    let mut found: Vec<&Person> = Vec::new();
    for person in people {
        let member = |person: &Person| match person.recipient {
            Recipient::User(user) => Some(user),
            Recipient::Contact(_) => person.user,
        };
        let same = |other: &&Person| {
            let one_member = member(other).is_some() && member(other) == member(person);
            let one_email = other.email.is_some() && other.email == person.email;
            let one_phone = other.phone.is_some() && other.phone == person.phone;
            one_member || one_email || one_phone
        };
        if !found.iter().any(same) {
            found.push(person);
        }
    }
    found
}

fn judge(
    occasion: &Occasion<'_>,
    policy: &EffectivePolicy,
    person: &Person,
    channel: Channel,
    sent: &[Sent],
) -> (Option<String>, Verdict) {
    let address = match address(person, channel) {
        Ok(address) => address.to_owned(),
        Err(why) => return (None, Verdict::Skipped(why)),
    };
    let verdict = if let Some(why) = not_meant(occasion, channel) {
        Verdict::Skipped(why)
    } else if let Some((why, until)) = waits(occasion, policy) {
        Verdict::Deferred { why, until }
    } else if let Some(why) = limited(occasion, person.recipient, channel, sent) {
        Verdict::Skipped(why)
    } else {
        Verdict::Send
    };
    (Some(address), verdict)
}

fn address(person: &Person, channel: Channel) -> Result<&str, Skipped> {
    let address = match channel {
        Channel::Email => person.email.as_deref(),
        Channel::Sms => person.phone.as_deref(),
        Channel::InApp | Channel::Push => return Err(Skipped::ChannelDisabled),
    };
    let address = address.ok_or(Skipped::NoAddress)?;
    if !person.channels.contains(&channel) {
        return Err(match person.recipient {
            Recipient::User(_) => Skipped::NotOptedIn,
            Recipient::Contact(_) => Skipped::ChannelDisabled,
        });
    }
    match channel {
        Channel::Sms if !person.phone_verified => Err(Skipped::UnverifiedNumber),
        Channel::Sms if person.opted_out => Err(Skipped::OptedOut),
        Channel::Sms | Channel::Email | Channel::InApp | Channel::Push => Ok(address),
    }
}

/// Why the alert, as it stands, sends nothing on this channel.
fn not_meant(occasion: &Occasion<'_>, channel: Channel) -> Option<Skipped> {
    let alert = occasion.alert;
    if occasion.moment == Moment::AlertResolved {
        return None;
    }
    if alert.status == AlertStatus::Resolved {
        return already_resolved(alert.severity, channel);
    }
    if occasion.spoken_for && yields(alert) {
        return Some(Skipped::Correlated);
    }
    match (occasion.moment, alert.status) {
        // a lasting alarm is told even to those who have it
        (Moment::MaxExcursion, _) => None,
        (_, AlertStatus::Acknowledged) => Some(Skipped::Acknowledged),
        _ if !calls_somebody(alert) => Some(Skipped::Unconfirmed),
        _ => None,
    }
}

/// Whether something else may speak for the alert; never for a temperature, fault or door.
fn yields(alert: &Alert) -> bool {
    yields_to_parent(alert.key.alert_type)
}

/// What a message says that is about to go though its alert is over: of a critical one people read
/// later, of others only the application tells.
#[must_use]
pub fn already_resolved(severity: Severity, channel: Channel) -> Option<Skipped> {
    let goes = match channel {
        Channel::InApp => true,
        Channel::Email => severity == Severity::Critical,
        Channel::Sms | Channel::Push => false,
    };
    (!goes).then_some(Skipped::AlreadyResolved)
}

/// What becomes of a deferred message when its time has come: the same row, sent or skipped.
#[must_use]
pub fn at_due(alert: &Alert, channel: Channel) -> Verdict {
    let over = alert.status == AlertStatus::Resolved;
    match over
        .then(|| already_resolved(alert.severity, channel))
        .flatten()
    {
        Some(why) => Verdict::Skipped(why),
        None => Verdict::Send,
    }
}

fn waits(occasion: &Occasion<'_>, policy: &EffectivePolicy) -> Option<(Deferred, Timestamp)> {
    if let Some(until) = occasion.suppressed_until {
        return Some((Deferred::Suppressed, until));
    }
    if occasion.alert.severity == Severity::Critical {
        return None;
    }
    let until = policy.quiet_hours?.end_after(occasion.now, occasion.zone)?;
    Some((Deferred::QuietHours, until))
}

fn limited(
    occasion: &Occasion<'_>,
    recipient: Recipient,
    channel: Channel,
    sent: &[Sent],
) -> Option<Skipped> {
    let alert = occasion.alert;
    let exempt = match occasion.moment {
        Moment::AlertConfirmed
        | Moment::SeverityRaised
        | Moment::EscalationExhausted
        | Moment::AlertResolved => true,
        Moment::AlertRaised | Moment::EscalationStep | Moment::MaxExcursion => false,
    };
    let recent = |sent: &&Sent| {
        sent.recipient == recipient
            && sent.channel == channel
            && occasion.scheduled_at - sent.scheduled_at < COOLDOWN
    };
    if !exempt
        && sent
            .iter()
            .filter(recent)
            .any(|sent| sent.alert == alert.id)
    {
        return Some(Skipped::CooldownAlert);
    }
    if channel != Channel::Sms {
        return None;
    }
    let same_type = |sent: &Sent| sent.alert_type == alert.key.alert_type;
    if alert.severity < Severity::Critical && sent.iter().filter(recent).any(same_type) {
        return Some(Skipped::CooldownUser);
    }
    let in_window =
        |sent: &&Sent| sent.channel == Channel::Sms && occasion.now - sent.at < SMS_WINDOW;
    (sent.iter().filter(in_window).count() >= SMS_PER_WINDOW).then_some(Skipped::OrgSmsLimit)
}
