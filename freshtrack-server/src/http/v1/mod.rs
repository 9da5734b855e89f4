//! Version 1 of the API: one file per resource, all verbs of a path prefix in one place.

pub mod alert_statistics;
pub mod alert_view;
pub mod alerts;
pub mod api_keys;
pub mod areas;
pub mod audit;
pub mod audit_wire;
pub mod calibrations;
pub mod corrective_actions;
pub mod devices;
pub mod ingest;
mod journal;
pub mod life;
pub mod manual_logs;
pub mod members;
pub mod organizations;
pub mod overview;
pub mod overview_figures;
pub mod posted;
pub mod readings;
pub mod rule_presets;
pub mod rule_wire;
pub mod rules;
pub mod series;
mod series_buckets;
pub mod sites;
pub mod suppressions;
pub mod ttn_connections;
pub mod unit_state;
pub mod units;
pub mod what_if;

use crate::http::problem::{Code, Problem};
use freshtrack_core::hierarchy::parse_name;
use freshtrack_core::principal::Actor;
use freshtrack_core::temperature::{Temperature, TemperatureUnit};
use poem_openapi::{Enum, OpenApiService, Tags as TagsDerive};
use uuid::Uuid;

/// Where version 1 lives.
pub const API_PREFIX: &str = "/api/v1";

/// Groups of operations.
#[derive(Debug, TagsDerive)]
pub enum Tags {
    /// Organization, sites, areas, units.
    Places,
    /// Who belongs to an organization, and as what.
    Members,
    /// Posting readings.
    Ingest,
    /// Readings and values put aside.
    Readings,
    /// Sensors and their assignment.
    Devices,
    /// Connections to LoRaWAN networks.
    Networks,
    /// What is wrong, who has it, how it ended.
    Alerts,
    /// What people measured, and what they did.
    Records,
    /// Limits and timings.
    Rules,
    /// Machine credentials.
    Keys,
    /// Who changed what.
    Audit,
}

/// Everything that version 1 offers, as one service: the OpenAPI document needs no database.
#[must_use]
pub fn service() -> OpenApiService<impl poem_openapi::OpenApi, ()> {
    OpenApiService::new(
        // In groups: the framework takes at most sixteen at once.
        (
            (
                organizations::OrganizationsApi,
                overview::OverviewApi,
                members::MembersApi,
                sites::SitesApi,
                areas::AreasApi,
                units::UnitsApi,
                unit_state::UnitStateApi,
            ),
            (
                readings::ReadingsApi,
                series::SeriesApi,
                devices::DevicesApi,
                calibrations::CalibrationsApi,
                ttn_connections::TtnConnectionsApi,
                ingest::IngestApi,
            ),
            (
                rules::RulesApi,
                rule_presets::RulePresetsApi,
                what_if::WhatIfApi,
            ),
            (
                alerts::AlertsApi,
                alert_statistics::AlertStatisticsApi,
                suppressions::SuppressionsApi,
                manual_logs::ManualLogsApi,
                corrective_actions::CorrectiveActionsApi,
            ),
            (api_keys::ApiKeysApi, audit::AuditApi),
        ),
        "FreshTrack",
        "1",
    )
    .description(
        "Temperature monitoring for food safety: readings in, alerts out, a record that holds.",
    )
    .url_prefix(API_PREFIX)
}

/// A scale of temperatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "TemperatureUnit")]
pub enum Scale {
    /// Degrees Celsius.
    C,
    /// Degrees Fahrenheit.
    F,
}

impl From<Scale> for TemperatureUnit {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::C => Self::C,
            Scale::F => Self::F,
        }
    }
}

impl From<TemperatureUnit> for Scale {
    fn from(unit: TemperatureUnit) -> Self {
        match unit {
            TemperatureUnit::C => Self::C,
            TemperatureUnit::F => Self::F,
        }
    }
}

/// The number to show of a temperature.
fn shown(temperature: Option<Temperature>, unit: TemperatureUnit) -> Option<f64> {
    temperature.map(|t| t.in_unit(unit))
}

/// Degrees as they were sent.
fn degrees(pointer: &str, value: f64, unit: TemperatureUnit) -> Result<Temperature, Problem> {
    // the shortest text of a number is what its sender wrote, up to 15 digits
    Temperature::parse(&value.to_string(), unit)
        .map_err(|_| Problem::field(pointer, "must be a number of degrees"))
}

/// 404 for an id in the body that is of no row of the organization.
fn unknown_body_id(field: &str) -> Problem {
    Problem::not_found().and_error(&format!("/{field}"), "not-found", "is not known here")
}

/// Kind and id of somebody who did something.
const fn actor_parts(actor: Actor) -> (&'static str, Option<Uuid>) {
    match actor {
        Actor::User(id) => ("user", Some(id.as_uuid())),
        Actor::ApiKey(id) => ("api_key", Some(id.as_uuid())),
        Actor::System => ("system", None),
        Actor::SuperAdmin(id) => ("super_admin", Some(id.as_uuid())),
    }
}

/// The version as an entity tag.
fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether `If-Match` allows a change of this version; without the header everything does.
///
/// # Errors
/// 412 if the caller saw another version.
fn match_version(if_match: Option<&str>, version: i64) -> Result<(), Problem> {
    let Some(tags) = if_match else { return Ok(()) };
    let own = etag(version);
    let matches = tags
        .split(',')
        .any(|tag| tag.trim() == "*" || tag.trim() == own);
    if matches {
        Ok(())
    } else {
        Err(Problem::new(Code::VersionMismatch))
    }
}

/// A time zone by its IANA name.
fn zone_of(text: &str) -> Result<String, Problem> {
    text.parse::<chrono_tz::Tz>()
        .map(|zone| zone.name().to_owned())
        .map_err(|_| Problem::field("/timezone", "must be an IANA time zone, like Europe/Berlin"))
}

/// A name of anything.
fn name_of(text: &str) -> Result<String, Problem> {
    parse_name(text).map_err(|error| Problem::field("/name", error.to_string()))
}

/// What is there, or 404.
fn found<T>(row: Option<T>) -> Result<T, Problem> {
    row.ok_or_else(Problem::not_found)
}

/// Declares the page type of a list: `items`, and `next` where there are more.
macro_rules! list_of {
    ($name:ident, $item:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, poem_openapi::Object)]
        pub struct $name {
            /// The rows of this page.
            items: Vec<$item>,
            /// Cursor of the next page; absent at the end.
            #[oai(skip_serializing_if_is_none)]
            next: Option<String>,
        }

        impl $name {
            fn from_page<T, K: serde::Serialize>(
                list: &str,
                page: freshtrack_core::page::Page<T, K>,
            ) -> Self
            where
                $item: From<T>,
            {
                Self {
                    items: page.items.into_iter().map(Into::into).collect(),
                    next: page.next.map(|key| $crate::http::page::encode(list, &key)),
                }
            }
        }
    };
}
use list_of;

/// The same for rows whose form depends on the request.
macro_rules! list_in {
    ($name:ident, $item:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, poem_openapi::Object)]
        pub struct $name {
            /// The rows of this page.
            items: Vec<$item>,
            /// Cursor of the next page; absent at the end.
            #[oai(skip_serializing_if_is_none)]
            next: Option<String>,
        }

        impl $name {
            fn of<T, K: serde::Serialize>(
                list: &str,
                page: freshtrack_core::page::Page<T, K>,
                view: impl Fn(T) -> $item,
            ) -> Self {
                Self {
                    items: page.items.into_iter().map(view).collect(),
                    next: page.next.map(|key| $crate::http::page::encode(list, &key)),
                }
            }
        }
    };
}
use list_in;
