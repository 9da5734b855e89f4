//! Connections to The Things Stack: address and secret are shown once.

use super::life::{kept, new_name};
use super::{Tags, found, journal};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use crate::networks::{self, NewConnection};
use crate::store::ports::{ConnectionChange, ConnectionRecord, ConnectionState};
use freshtrack_core::hierarchy::parse_name;
use freshtrack_core::ids::OrgId;
use freshtrack_ttn::ids::{ApplicationId, ConnectionId};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Most connections a list shows.
const CONNECTIONS_MAX: u16 = 200;

/// A connection to a network, without its secret.
#[derive(Debug, Object)]
#[oai(rename = "TtnConnection")]
pub struct ConnectionView {
    /// Opaque id, part of the address the network calls.
    id: String,
    /// Display name.
    name: String,
    /// The application whose messages belong here; any if absent.
    #[oai(skip_serializing_if_is_none)]
    application_id: Option<String>,
    /// Base address to enter at the network.
    webhook_url: String,
    /// Whether messages are let in.
    enabled: bool,
    /// Whether a further secret was made that the network has not used yet.
    rotation_pending: bool,
    /// Until when the secret before the last rotation is still let in.
    #[oai(skip_serializing_if_is_none)]
    old_secret_expires_at: Option<Time>,
    /// When a message last came by it, to the minute.
    #[oai(skip_serializing_if_is_none)]
    last_used_at: Option<Time>,
    /// When it was made.
    created_at: Time,
}

impl ConnectionView {
    fn of(managed: ConnectionRecord, public_url: &str) -> Self {
        Self {
            webhook_url: networks::webhook_url(public_url, &managed.connection.id),
            enabled: managed.state == ConnectionState::Enabled,
            rotation_pending: managed.connection.secrets.next.is_some()
                && managed.connection.secrets.current_expires_at.is_none(),
            old_secret_expires_at: managed.connection.secrets.current_expires_at.map(Time),
            id: managed.connection.id.as_str().to_owned(),
            name: managed.name,
            application_id: managed
                .connection
                .application
                .map(|a| a.as_str().to_owned()),
            last_used_at: managed.last_used_at.map(Time),
            created_at: Time(managed.created_at),
        }
    }
}

/// Connections, oldest first.
#[derive(Debug, Object)]
pub struct ConnectionList {
    /// At most 200.
    items: Vec<ConnectionView>,
}

/// A connection with its secret.
#[derive(Debug, Object)]
pub struct ConnectionWithSecret {
    /// The connection.
    connection: ConnectionView,
    /// What the network must send as `X-Webhook-Secret`. Shown this once; only its hash is kept.
    webhook_secret: String,
}

/// A new connection.
#[derive(Debug, Object)]
#[oai(rename = "NewTtnConnection", deny_unknown_fields)]
pub struct NewConnectionBody {
    /// Display name, 1–256 characters.
    name: String,
    /// Only messages of this application belong here; any if left out.
    application_id: Option<String>,
}

/// A connection was made.
#[derive(Debug, ApiResponse)]
pub enum ConnectionCreated {
    /// The connection with its secret.
    #[oai(status = 201)]
    Created(Json<ConnectionWithSecret>),
}

/// A change of a connection: what is left out stays, null clears.
#[derive(Debug, Object)]
#[oai(rename = "TtnConnectionPatch", deny_unknown_fields)]
pub struct ConnectionPatch {
    /// Display name, 1–256 characters.
    name: MaybeUndefined<String>,
    /// Only messages of this application belong here; any if cleared.
    #[oai(nullable)]
    application_id: MaybeUndefined<String>,
    /// Whether messages are let in.
    enabled: MaybeUndefined<bool>,
}

/// The connection is gone.
#[derive(Debug, ApiResponse)]
pub enum ConnectionRemoved {
    /// Done.
    #[oai(status = 204)]
    Removed,
}

fn application_of(text: &str) -> Result<ApplicationId, Problem> {
    text.parse()
        .map_err(|_| Problem::field("/application_id", "must be 3–36 of a-z, 0-9, -"))
}

/// The connection of this id in the organization.
async fn connection(app: &App, org: OrgId, id: &str) -> Result<ConnectionRecord, Problem> {
    let id: ConnectionId = id.parse().map_err(|_| Problem::not_found())?;
    found(app.store.connections.find(org, &id).await?)
}

/// Connections to networks.
#[derive(Debug)]
pub struct TtnConnectionsApi;

#[OpenApi(tag = "Tags::Networks")]
impl TtnConnectionsApi {
    /// Connections of the organization
    #[oai(
        path = "/organizations/:org_id/ttn-connections",
        method = "get",
        operation_id = "list_ttn_connections"
    )]
    async fn list_ttn_connections(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
    ) -> Result<Json<ConnectionList>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::ListTtnConnections)
            .await?;
        let rows = app
            .store
            .connections
            .list(access.org, CONNECTIONS_MAX)
            .await?;
        let url = &app.public_url;
        Ok(Json(ConnectionList {
            items: rows
                .into_iter()
                .map(|row| ConnectionView::of(row, url))
                .collect(),
        }))
    }

    /// Makes a connection; its secret is shown this once
    #[oai(
        path = "/organizations/:org_id/ttn-connections",
        method = "post",
        operation_id = "create_ttn_connection"
    )]
    async fn create_ttn_connection(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewConnectionBody>,
    ) -> Result<ConnectionCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::CreateTtnConnection)
            .await?;
        let name = parse_name(&body.0.name).map_err(|e| Problem::field("/name", e.to_string()))?;
        let application = body
            .0
            .application_id
            .map(|text| application_of(&text))
            .transpose()?;
        let made = networks::create(
            &app.store,
            app.ids.as_ref(),
            app.clock.now(),
            org,
            access.actor,
            NewConnection { name, application },
        )
        .await?;
        Ok(ConnectionCreated::Created(Json(ConnectionWithSecret {
            connection: ConnectionView::of(made.connection, &app.public_url),
            webhook_secret: made.secret,
        })))
    }

    /// One connection
    #[oai(
        path = "/organizations/:org_id/ttn-connections/:connection_id",
        method = "get",
        operation_id = "get_ttn_connection"
    )]
    async fn get_ttn_connection(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        connection_id: Path<String>,
    ) -> Result<Json<ConnectionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        caller
            .authorize(&app, org, Operation::GetTtnConnection)
            .await?;
        let row = connection(&app, org, &connection_id.0).await?;
        Ok(Json(ConnectionView::of(row, &app.public_url)))
    }

    /// Changes a connection
    #[oai(
        path = "/organizations/:org_id/ttn-connections/:connection_id",
        method = "patch",
        operation_id = "update_ttn_connection"
    )]
    async fn update_ttn_connection(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        connection_id: Path<String>,
        body: Body<ConnectionPatch>,
    ) -> Result<Json<ConnectionView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::UpdateTtnConnection)
            .await?;
        let row = connection(&app, org, &connection_id.0).await?;
        let change = ConnectionChange {
            name: new_name(body.0.name)?.unwrap_or(row.name),
            application: match body.0.application_id {
                MaybeUndefined::Undefined => row.connection.application,
                MaybeUndefined::Null => None,
                MaybeUndefined::Value(text) => Some(application_of(&text)?),
            },
            state: match kept(body.0.enabled, "/enabled")? {
                None => row.state,
                Some(true) => ConnectionState::Enabled,
                Some(false) => ConnectionState::Disabled,
            },
        };
        let data = json!({
            "name": change.name,
            "application_id": change.application.as_ref().map(ApplicationId::as_str),
            "enabled": change.state == ConnectionState::Enabled,
        });
        let now = app.clock.now();
        let record = journal::access(&access, now, "ttn_connection.changed", data, None);
        let connections = &app.store.connections;
        let id = &row.connection.id;
        let changed = connections.change(org, id, change, record).await?;
        Ok(Json(ConnectionView::of(changed, &app.public_url)))
    }

    /// Ends a connection, at once; what came by it stays
    #[oai(
        path = "/organizations/:org_id/ttn-connections/:connection_id",
        method = "delete",
        operation_id = "remove_ttn_connection"
    )]
    async fn remove_ttn_connection(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        connection_id: Path<String>,
    ) -> Result<ConnectionRemoved, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::RemoveTtnConnection)
            .await?;
        let row = connection(&app, org, &connection_id.0).await?;
        let now = app.clock.now();
        let data = json!({ "name": row.name });
        let record = journal::access(&access, now, "ttn_connection.removed", data, None);
        let connections = &app.store.connections;
        connections
            .remove(org, &row.connection.id, now, record)
            .await?;
        Ok(ConnectionRemoved::Removed)
    }

    /// Makes a further secret, shown this once; the old one ends a while after the new one is first used
    #[oai(
        path = "/organizations/:org_id/ttn-connections/:connection_id/rotate-secret",
        method = "post",
        operation_id = "rotate_ttn_secret"
    )]
    async fn rotate_ttn_secret(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        connection_id: Path<String>,
    ) -> Result<Json<ConnectionWithSecret>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller
            .authorize(&app, org, Operation::RotateTtnSecret)
            .await?;
        let row = connection(&app, org, &connection_id.0).await?;
        let secret = networks::fresh_secret(app.ids.as_ref());
        let now = app.clock.now();
        let data = json!({ "name": row.name });
        let record = journal::access(&access, now, "ttn_connection.secret_rotated", data, None);
        let connections = &app.store.connections;
        let id = &row.connection.id;
        let rotated = connections.rotate(org, id, secret.digest(), record).await?;
        Ok(Json(ConnectionWithSecret {
            connection: ConnectionView::of(rotated, &app.public_url),
            webhook_secret: String::from_utf8_lossy(secret.expose()).into_owned(),
        }))
    }
}
