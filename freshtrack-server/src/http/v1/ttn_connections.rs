//! Connections to The Things Stack: address and secret are shown once.

use super::Tags;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::Time;
use crate::networks::{self, NewConnection};
use crate::store::ports::ConnectionRecord;
use freshtrack_core::hierarchy::parse_name;
use freshtrack_core::ids::OrgId;
use freshtrack_ttn::ids::ApplicationId;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
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
            .map(|text| {
                text.parse::<ApplicationId>()
                    .map_err(|_| Problem::field("/application_id", "must be 3–36 of a-z, 0-9, -"))
            })
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
}
