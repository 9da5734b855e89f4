//! How much alarm people get, and how fast they take it.

use super::Tags;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_alerts::alert::{Alert, AlertStatus, AlertType, Severity};
use freshtrack_alerts::kpi::{self, Kpis, Percentiles, STALE_AFTER, Source};
use freshtrack_alerts::ports::AlertFilter;
use freshtrack_core::ids::{OrgId, SiteId};
use freshtrack_core::page::PageRequest;
use freshtrack_core::time::{Span, Timestamp};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Window if nobody says.
const WINDOW_DEFAULT: Span = Span::from_minutes(7 * 24 * 60);
/// Longest window.
const WINDOW_MAX: Span = Span::from_minutes(92 * 24 * 60);
/// Most alerts that are counted at once.
const ALERTS_MAX: usize = 20_000;
/// Alerts of one round.
const ALERTS_PER_ROUND: u16 = 2_000;

/// How many alerts of one kind.
#[derive(Debug, Object)]
#[oai(rename = "AlertCount")]
pub struct CountView {
    /// The type, severity or site.
    of: String,
    /// How many were raised.
    raised: u32,
}

/// A distribution of times.
#[derive(Debug, Object)]
#[oai(rename = "TimePercentiles")]
pub struct TimesView {
    /// Median, in seconds.
    p50_seconds: i64,
    /// 95th percentile.
    p95_seconds: i64,
}

impl From<Percentiles> for TimesView {
    fn from(times: Percentiles) -> Self {
        Self {
            p50_seconds: times.p50.as_seconds(),
            p95_seconds: times.p95.as_seconds(),
        }
    }
}

/// Alerts in windows of ten minutes: averages hide floods.
#[derive(Debug, Object)]
#[oai(rename = "AlertRate")]
pub struct RateView {
    /// Median window.
    p50: u32,
    /// 95th percentile.
    p95: u32,
    /// Fullest window.
    max: u32,
}

/// What raises alerts.
#[derive(Debug, Object)]
#[oai(rename = "AlertSource")]
pub struct SourceView {
    /// The unit.
    unit_id: Uuid,
    /// What is wrong with it.
    #[oai(rename = "type")]
    alert_type: Wire<AlertType>,
    /// With which device, for types that are per device.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// How often it was raised.
    #[oai(skip_serializing_if_is_none)]
    raised: Option<u32>,
}

fn source_view((unit, key): Source, raised: Option<u32>) -> SourceView {
    SourceView {
        unit_id: unit.as_uuid(),
        alert_type: Wire(key.alert_type),
        device_id: key.device.map(|id| id.as_uuid()),
        raised,
    }
}

/// The figures of a window.
#[derive(Debug, Object)]
#[oai(rename = "AlertStatistics")]
pub struct StatisticsView {
    /// First instant.
    from: Time,
    /// First instant after it.
    to: Time,
    /// Alerts raised.
    raised: u32,
    /// By type, most first.
    by_type: Vec<CountView>,
    /// By severity as it is now, most first.
    by_severity: Vec<CountView>,
    /// By site, most first.
    by_site: Vec<CountView>,
    /// From raised to taken; absent if none was.
    #[oai(skip_serializing_if_is_none)]
    acknowledged_after: Option<TimesView>,
    /// From raised to closed; absent if none was.
    #[oai(skip_serializing_if_is_none)]
    resolved_after: Option<TimesView>,
    /// Alerts per ten minutes.
    per_ten_minutes: RateView,
    /// Alerts, whenever raised, that are open now for more than 24 hours.
    open_over_24_hours: u32,
    /// Sources that raised three times within a minute, worst first.
    chattering: Vec<SourceView>,
    /// The ten sources with the most alerts.
    top_sources: Vec<SourceView>,
}

fn counted<K: ToString + Ord>(alerts: &[Alert], of: impl Fn(&Alert) -> K) -> Vec<CountView> {
    let mut counts: BTreeMap<K, u32> = BTreeMap::new();
    for alert in alerts {
        *counts.entry(of(alert)).or_default() += 1;
    }
    let mut counts: Vec<(K, u32)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let view = |(of, raised): (K, u32)| CountView {
        of: of.to_string(),
        raised,
    };
    counts.into_iter().map(view).collect()
}

async fn every(app: &App, org: OrgId, filter: &AlertFilter) -> Result<Vec<Alert>, Problem> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest {
            limit: ALERTS_PER_ROUND,
            after,
        };
        let found = app.store.alerts.list(org, filter, page).await?;
        alerts.extend(found.items);
        if alerts.len() > ALERTS_MAX {
            let detail = "the window holds more than 20,000 alerts";
            return Err(Problem::detailed(Code::WindowTooLong, detail));
        }
        after = found.next;
        if after.is_none() {
            return Ok(alerts);
        }
    }
}

fn window_of(
    from: Option<Time>,
    to: Option<Time>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Problem> {
    let to = to.map_or(now, |time| time.0);
    let from = from.map_or(to - WINDOW_DEFAULT, |time| time.0);
    if from >= to {
        return Err(Problem::field("?from", "must lie before to"));
    }
    if to - from > WINDOW_MAX {
        let detail = "statistics are over at most 92 days";
        return Err(Problem::detailed(Code::WindowTooLong, detail));
    }
    Ok((from, to))
}

fn view_of(
    alerts: &[Alert],
    figures: Kpis,
    (from, to): (Timestamp, Timestamp),
    stale: usize,
) -> StatisticsView {
    StatisticsView {
        from: Time(from),
        to: Time(to),
        raised: figures.raised,
        by_type: counted(alerts, |alert| alert.key.alert_type),
        by_severity: counted(alerts, |alert: &Alert| -> Severity { alert.severity }),
        by_site: counted(alerts, |alert| alert.site),
        acknowledged_after: kpi::acknowledged_after(alerts).map(Into::into),
        resolved_after: kpi::resolved_after(alerts).map(Into::into),
        per_ten_minutes: RateView {
            p50: figures.rate.p50,
            p95: figures.rate.p95,
            max: figures.rate.max,
        },
        open_over_24_hours: u32::try_from(stale).unwrap_or(u32::MAX),
        chattering: figures
            .chattering
            .into_iter()
            .map(|s| source_view(s, None))
            .collect(),
        top_sources: figures
            .top_sources
            .into_iter()
            .map(|(source, raised)| source_view(source, Some(raised)))
            .collect(),
    }
}

/// Figures of alerts.
#[derive(Debug)]
pub struct AlertStatisticsApi;

#[OpenApi(tag = "Tags::Alerts")]
impl AlertStatisticsApi {
    /// How much alarm people get, and how fast they take it
    #[oai(
        path = "/organizations/:org_id/alerts/statistics",
        method = "get",
        operation_id = "get_alert_statistics"
    )]
    async fn get_alert_statistics(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        /// Only of this site.
        site_id: Query<Option<Uuid>>,
        /// Raised at or after; 7 days before `to` if left out.
        from: Query<Option<Time>>,
        /// Raised before; now if left out.
        to: Query<Option<Time>>,
    ) -> Result<Json<StatisticsView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetAlertStatistics)
            .await?;
        let now = app.clock.now();
        let window = window_of(from.0, to.0, now)?;
        let site = site_id.0.map(SiteId::from_uuid);
        let raised = AlertFilter {
            site,
            from: Some(window.0),
            to: Some(window.1),
            ..AlertFilter::default()
        };
        let stale = AlertFilter {
            site,
            status: vec![AlertStatus::Active, AlertStatus::Acknowledged],
            to: Some(now - STALE_AFTER),
            ..AlertFilter::default()
        };
        let alerts = every(&app, org, &raised).await?;
        let stale = every(&app, org, &stale).await?.len();
        let figures = kpi::kpis(&alerts, window.0, window.1);
        Ok(Json(view_of(&alerts, figures, window, stale)))
    }
}
