//! Alerts as the API shows them.

use super::{Scale, shown};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::alert::{
    Alert, AlertEvent, AlertEventKind, AlertStatus, AlertType, RaiseReason, ResolutionKind,
    Severity, Violated,
};
use freshtrack_alerts::isa::{IsaFlags, IsaState};
use freshtrack_alerts::ports::ACTIVE_MAX;
use freshtrack_alerts::suppression::{Suppression, Window};
use freshtrack_core::ids::OrgId;
use freshtrack_core::page::PageRequest;
use freshtrack_core::temperature::{Limit, TemperatureUnit};
use freshtrack_core::time::Timestamp;
use poem_openapi::Object;
use uuid::Uuid;

/// What keeps alerts of an organization quiet at one instant.
pub(super) struct Quiet {
    org: OrgId,
    now: Timestamp,
    active: Vec<Suppression>,
}

impl Quiet {
    /// What keeps `alerts` quiet now; nothing is asked for alerts that are all closed.
    pub(super) async fn of(app: &App, org: OrgId, alerts: &[Alert]) -> Result<Self, Problem> {
        let now = app.clock.now();
        let open = |alert: &Alert| alert.status != AlertStatus::Resolved;
        let active = if alerts.iter().any(open) {
            let page = PageRequest {
                limit: ACTIVE_MAX,
                after: None,
            };
            app.store
                .suppressions
                .list(org, Some(now), page)
                .await?
                .items
        } else {
            Vec::new()
        };
        Ok(Self { org, now, active })
    }

    fn flags(&self, alert: &Alert) -> IsaFlags {
        let reaching = self
            .active
            .iter()
            .filter(|s| s.reaches_place(self.org, alert.site, alert.area, alert.unit));
        let windows: Vec<Window> = reaching.map(Suppression::window).collect();
        IsaFlags::of(alert, &windows, self.now)
    }
}

/// An alarm by the names of ISA-18.2: flags that do not depend on each other, and the name they give.
#[derive(Debug, Object)]
#[oai(rename = "IsaFlags")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags that do not depend on each other are the point"
)]
pub struct IsaView {
    /// The name that follows from the flags.
    state: Wire<IsaState>,
    /// The condition holds.
    active: bool,
    /// Somebody has taken it, or closed it.
    acked: bool,
    /// A person keeps it quiet for a time.
    shelved: bool,
    /// A planned window keeps it quiet.
    suppressed: bool,
    /// Its unit is out of service.
    out_of_service: bool,
}

impl From<IsaFlags> for IsaView {
    fn from(flags: IsaFlags) -> Self {
        Self {
            state: Wire(flags.state()),
            active: flags.active,
            acked: flags.acked,
            shelved: flags.shelved_until.is_some(),
            suppressed: flags.suppressed,
            out_of_service: flags.out_of_service,
        }
    }
}

/// A limit as its author wrote it.
#[derive(Debug, Object)]
#[oai(rename = "Limit")]
pub struct LimitView {
    /// The number as authored.
    value: f64,
    /// The author's scale.
    unit: Scale,
    /// The same in °C.
    celsius: f64,
}

impl From<Limit> for LimitView {
    fn from(limit: Limit) -> Self {
        Self {
            value: f64::from(limit.milli) / 1_000.0,
            unit: limit.unit.into(),
            celsius: limit.temperature().in_unit(TemperatureUnit::C),
        }
    }
}

/// Who took an alert.
#[derive(Debug, Object)]
#[oai(rename = "Acknowledgement")]
pub struct AcknowledgementView {
    /// Who.
    by: Uuid,
    /// When.
    at: Time,
    /// What they said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
}

/// How an alert ended.
#[derive(Debug, Object)]
#[oai(rename = "Resolution")]
pub struct ResolutionView {
    /// By itself or by a person.
    kind: Wire<ResolutionKind>,
    /// The person.
    #[oai(skip_serializing_if_is_none)]
    by: Option<Uuid>,
    /// When.
    at: Time,
    /// What they said.
    #[oai(skip_serializing_if_is_none)]
    note: Option<String>,
}

/// The reading that opened an excursion.
#[derive(Debug, Object)]
#[oai(rename = "Trigger")]
pub struct TriggerView {
    /// Its temperature.
    temperature: f64,
    /// When it was taken.
    recorded_at: Time,
}

/// An alert. Condition times say when it was true, record times when we knew.
#[derive(Debug, Object)]
#[oai(rename = "Alert")]
pub struct AlertView {
    /// Id.
    id: Uuid,
    /// Site of the unit.
    site_id: Uuid,
    /// Area of the unit.
    area_id: Uuid,
    /// The unit.
    unit_id: Uuid,
    /// The device, for alerts about one.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// What is wrong.
    #[oai(rename = "type")]
    alert_type: Wire<AlertType>,
    /// How bad.
    severity: Wire<Severity>,
    /// Where it is in its life.
    status: Wire<AlertStatus>,
    /// One line for people.
    title: String,
    /// Since when the condition held.
    condition_since: Time,
    /// The first out-of-range reading.
    #[oai(skip_serializing_if_is_none)]
    first_out_at: Option<Time>,
    /// When the excursion was confirmed.
    #[oai(skip_serializing_if_is_none)]
    confirmed_at: Option<Time>,
    /// When the condition ended.
    #[oai(skip_serializing_if_is_none)]
    cleared_at: Option<Time>,
    /// When it was raised.
    raised_at: Time,
    /// Why it was raised then.
    raise_reason: Wire<RaiseReason>,
    /// Which limit.
    #[oai(skip_serializing_if_is_none)]
    violated: Option<Wire<Violated>>,
    /// The limit.
    #[oai(skip_serializing_if_is_none)]
    limit: Option<LimitView>,
    /// The reading that opened it.
    #[oai(skip_serializing_if_is_none)]
    trigger: Option<TriggerView>,
    /// The worst value so far.
    #[oai(skip_serializing_if_is_none)]
    extreme: Option<f64>,
    /// Scale of `trigger` and `extreme`.
    temperature_unit: Scale,
    /// Who took it.
    #[oai(skip_serializing_if_is_none)]
    acknowledged: Option<AcknowledgementView>,
    /// How it ended.
    #[oai(skip_serializing_if_is_none)]
    resolved: Option<ResolutionView>,
    /// Escalation steps that have fired.
    escalation_level: u16,
    /// The alert that was closed too early.
    #[oai(skip_serializing_if_is_none)]
    reraised_from: Option<Uuid>,
    /// The alert it belongs to.
    #[oai(skip_serializing_if_is_none)]
    correlated_with: Option<Uuid>,
    /// Whether somebody still has to write down what was done.
    corrective_action_pending: bool,
    /// Until when a person keeps it quiet.
    #[oai(skip_serializing_if_is_none)]
    snoozed_until: Option<Time>,
    /// The same in the words of ISA-18.2.
    isa: IsaView,
    /// Raised by one with each change.
    version: i64,
}

impl AlertView {
    pub(super) fn of(alert: Alert, unit: TemperatureUnit, quiet: &Quiet) -> Self {
        let flags = quiet.flags(&alert);
        Self {
            id: alert.id.as_uuid(),
            site_id: alert.site.as_uuid(),
            area_id: alert.area.as_uuid(),
            unit_id: alert.unit.as_uuid(),
            device_id: alert.key.device.map(|d| d.as_uuid()),
            alert_type: Wire(alert.key.alert_type),
            severity: Wire(alert.severity),
            status: Wire(alert.status),
            title: alert.title,
            condition_since: Time(alert.condition_since),
            first_out_at: alert.first_out_at.map(Time),
            confirmed_at: alert.confirmed_at.map(Time),
            cleared_at: alert.cleared_at.map(Time),
            raised_at: Time(alert.raised_at),
            raise_reason: Wire(alert.raise_reason),
            violated: alert.violated.map(Wire),
            limit: alert.limit.map(Into::into),
            trigger: alert.trigger.map(|trigger| TriggerView {
                temperature: trigger.temperature.in_unit(unit),
                recorded_at: Time(trigger.recorded_at),
            }),
            extreme: shown(alert.extreme, unit),
            temperature_unit: unit.into(),
            acknowledged: alert.acknowledged.map(|ack| AcknowledgementView {
                by: ack.by.as_uuid(),
                at: Time(ack.at),
                note: ack.note,
            }),
            resolved: alert.resolved.map(|resolution| ResolutionView {
                kind: Wire(resolution.kind),
                by: resolution.by.map(|by| by.as_uuid()),
                at: Time(resolution.at),
                note: resolution.note,
            }),
            escalation_level: alert.escalation_level,
            reraised_from: alert.reraised_from.map(|id| id.as_uuid()),
            correlated_with: alert.correlated_with.map(|id| id.as_uuid()),
            corrective_action_pending: alert.corrective_action_pending,
            snoozed_until: flags.shelved_until.map(Time),
            isa: flags.into(),
            version: alert.version,
        }
    }
}

/// One line of an alert's history.
#[derive(Debug, Object)]
#[oai(rename = "AlertEvent")]
pub struct AlertEventView {
    /// When.
    at: Time,
    /// What happened.
    kind: Wire<AlertEventKind>,
    /// Who: `user`, `api_key`, `system` or `super_admin`.
    actor: String,
    /// The person or key.
    #[oai(skip_serializing_if_is_none)]
    actor_id: Option<Uuid>,
    /// The rest.
    details: serde_json::Value,
}

impl From<AlertEvent> for AlertEventView {
    fn from(event: AlertEvent) -> Self {
        let (actor, actor_id) = super::actor_parts(event.actor);
        Self {
            at: Time(event.at),
            kind: Wire(event.kind),
            actor: actor.to_owned(),
            actor_id,
            details: event.details,
        }
    }
}
