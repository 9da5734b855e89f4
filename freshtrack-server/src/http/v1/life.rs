//! What every resource that is changed and archived shares: patches, versions, the archive.

use super::found;
use crate::app::App;
use crate::http::auth::Access;
use crate::http::problem::{Code, Problem};
use freshtrack_alerts::unit_actions::UnitInput;
use freshtrack_core::audit::Journal;
use freshtrack_core::error::StoreError;
use freshtrack_core::hierarchy::{Archived, Area, Site, Unit, parse_name};
use freshtrack_core::ids::{AreaId, OrgId, SiteId, UnitId};
use freshtrack_core::ports::Shelf;
use freshtrack_core::time::Timestamp;
use poem_openapi::ApiResponse;
use poem_openapi::types::MaybeUndefined;

/// It is in the archive.
#[derive(Debug, ApiResponse)]
pub enum ArchivedAnswer {
    /// Done.
    #[oai(status = 204)]
    Archived,
}

/// The value of a field that can be changed but not cleared.
///
/// # Errors
/// 422 for null.
pub(super) fn kept<T>(field: MaybeUndefined<T>, pointer: &str) -> Result<Option<T>, Problem> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Problem::field(pointer, "cannot be cleared")),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

/// A new name, if one was given.
///
/// # Errors
/// 422 for null and for what is no name.
pub(super) fn new_name(field: MaybeUndefined<String>) -> Result<Option<String>, Problem> {
    let name = kept(field, "/name")?;
    name.map(|text| parse_name(&text).map_err(|e| Problem::field("/name", e.to_string())))
        .transpose()
}

/// Changes a field that can be cleared: left out keeps it, null clears it.
pub(super) fn change<T>(slot: &mut Option<T>, field: MaybeUndefined<T>) {
    match field {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *slot = None,
        MaybeUndefined::Value(value) => *slot = Some(value),
    }
}

/// Changes a text that can be cleared.
///
/// # Errors
/// As [`free_text`].
pub(super) fn change_text(
    slot: &mut Option<String>,
    field: MaybeUndefined<String>,
    (pointer, chars_max): (&str, usize),
) -> Result<(), Problem> {
    if let MaybeUndefined::Value(text) = &field {
        free_text(Some(text), (pointer, chars_max))?;
    }
    change(slot, field);
    Ok(())
}

/// Checks a text in people's own words.
///
/// # Errors
/// 422 if it is too long or has control characters other than line breaks and tabs.
pub(super) fn free_text(
    text: Option<&String>,
    (pointer, chars_max): (&str, usize),
) -> Result<(), Problem> {
    let Some(text) = text else { return Ok(()) };
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > chars_max || text.chars().any(odd) {
        return Err(Problem::field(
            pointer,
            format!("must be at most {chars_max} characters, none of them control characters"),
        ));
    }
    Ok(())
}

/// What a change from a version that is not the newest is answered with.
///
/// # Errors
/// 412 for a conflict, else as any store error.
pub(super) fn settled<T>(result: Result<T, StoreError>) -> Result<T, Problem> {
    match result {
        Err(StoreError::Conflict) => Err(Problem::new(Code::VersionMismatch)),
        other => other.map_err(Into::into),
    }
}

/// A fresh stamp of the archive in the caller's name.
///
/// # Errors
/// 403 for a machine.
pub(super) fn stamp(app: &App, access: &Access, now: Timestamp) -> Result<Archived, Problem> {
    Ok(Archived {
        at: now,
        by: Some(access.person()?),
        batch: app.ids.uuid(),
    })
}

/// Which rows a list shows.
pub(super) const fn shelf(archived: Option<bool>) -> Shelf {
    match archived {
        Some(true) => Shelf::Archive,
        Some(false) | None => Shelf::InUse,
    }
}

/// Name of a list of one shelf, to which cursors are bound.
pub(super) const fn list_name(
    in_use: &'static str,
    shelf: Shelf,
    archived: &'static str,
) -> &'static str {
    match shelf {
        Shelf::InUse => in_use,
        Shelf::Archive => archived,
    }
}

/// The site, archived or not.
///
/// # Errors
/// 404 if it is not of the organization.
pub(super) async fn site(app: &App, org: OrgId, id: SiteId) -> Result<Site, Problem> {
    found(app.store.places.find_site(org, id).await?)
}

/// The area, archived or not.
///
/// # Errors
/// 404 if it is not of the organization.
pub(super) async fn area(app: &App, org: OrgId, id: AreaId) -> Result<Area, Problem> {
    found(app.store.places.find_area(org, id).await?)
}

/// The unit, archived or not.
///
/// # Errors
/// 404 if it is not of the organization.
pub(super) async fn unit(app: &App, org: OrgId, id: UnitId) -> Result<Unit, Problem> {
    found(app.store.places.find_unit(org, id).await?)
}

/// Evaluates a unit that was changed, so that the answer already shows what follows.
///
/// The store has made it due: should this fail, the sweeper does it within a second.
pub(super) async fn evaluate(app: &App, org: OrgId, unit: UnitId) {
    let (input, journal) = (UnitInput::DevicesChanged, Journal::default());
    if let Err(error) = app.units.apply(org, unit, &input, &journal).await {
        tracing::warn!(error = ?error, %unit, "a changed unit is left to the sweeper");
    }
}
