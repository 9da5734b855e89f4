//! Machine credentials: made by admins, shown once, revoked at once.

use super::{Tags, journal};
use crate::app::App;
use crate::credentials;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::permissions::Operation;
use crate::http::problem::Problem;
use crate::http::wire::{Time, Wire};
use freshtrack_core::event::EventKind;
use freshtrack_core::hierarchy::parse_name;
use freshtrack_core::ids::{ApiKeyId, OrgId};
use freshtrack_core::principal::{ApiKey, Scope};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Most keys a list shows.
const KEYS_MAX: u16 = 200;

/// A machine credential, without its secret.
#[derive(Debug, Object)]
#[oai(rename = "ApiKey")]
pub struct ApiKeyView {
    /// Id.
    id: Uuid,
    /// Display name.
    name: String,
    /// First characters, as they appear in the key.
    prefix: String,
    /// What it may be used for.
    scopes: Vec<Wire<Scope>>,
    /// When it ends.
    #[oai(skip_serializing_if_is_none)]
    expires_at: Option<Time>,
    /// When it was revoked.
    #[oai(skip_serializing_if_is_none)]
    revoked_at: Option<Time>,
    /// When it was last used, to the minute.
    #[oai(skip_serializing_if_is_none)]
    last_used_at: Option<Time>,
    /// When it was made.
    created_at: Time,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.as_uuid(),
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(Wire).collect(),
            expires_at: key.expires_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
            created_at: Time(key.created_at),
        }
    }
}

/// Machine credentials.
#[derive(Debug, Object)]
pub struct ApiKeyList {
    /// All of them, revoked ones included; at most 200.
    items: Vec<ApiKeyView>,
}

/// A new machine credential with its secret.
#[derive(Debug, Object)]
pub struct ApiKeyWithSecret {
    /// The credential.
    api_key: ApiKeyView,
    /// The whole key. Shown this once; only its hash is kept.
    key: String,
}

/// What a new machine credential is for.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewApiKey {
    /// Display name, 1–256 characters.
    name: String,
    /// What it may be used for.
    #[oai(validator(min_items = 1, max_items = 2, unique_items = false))]
    scopes: Vec<Wire<Scope>>,
    /// When it ends; never if left out.
    expires_at: Option<Time>,
}

/// A key was made.
#[derive(Debug, ApiResponse)]
pub enum ApiKeyCreated {
    /// The key with its secret.
    #[oai(status = 201)]
    Created(Json<ApiKeyWithSecret>),
}

/// Machine credentials.
#[derive(Debug)]
pub struct ApiKeysApi;

#[OpenApi(tag = "Tags::Keys")]
impl ApiKeysApi {
    /// API keys of the organization
    #[oai(
        path = "/organizations/:org_id/api-keys",
        method = "get",
        operation_id = "list_api_keys"
    )]
    async fn list_api_keys(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
    ) -> Result<Json<ApiKeyList>, Problem> {
        let access = caller
            .authorize(&app, OrgId::from_uuid(org_id.0), Operation::ListApiKeys)
            .await?;
        let keys = app.store.api_keys.list(access.org, KEYS_MAX).await?;
        Ok(Json(ApiKeyList {
            items: keys.into_iter().map(Into::into).collect(),
        }))
    }

    /// Makes an API key; its secret is shown this once
    #[oai(
        path = "/organizations/:org_id/api-keys",
        method = "post",
        operation_id = "create_api_key"
    )]
    async fn create_api_key(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        body: Body<NewApiKey>,
    ) -> Result<ApiKeyCreated, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::CreateApiKey).await?;
        let now = app.clock.now();
        let name = parse_name(&body.0.name).map_err(|e| Problem::field("/name", e.to_string()))?;
        let expires_at = body.0.expires_at.map(|time| time.0);
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Problem::field("/expires_at", "must be in the future"));
        }
        let mut scopes: Vec<Scope> = body.0.scopes.iter().map(|scope| scope.0).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let (key, text) =
            credentials::make_key(app.ids.as_ref(), org, &name, scopes, expires_at, now);
        let data = json!({ "api_key_id": key.id, "prefix": key.prefix, "scopes": key.scopes });
        let record = journal::access(&access, now, "api_key.created", data, None);
        app.store.api_keys.create(org, key.clone(), record).await?;
        Ok(ApiKeyCreated::Created(Json(ApiKeyWithSecret {
            api_key: key.into(),
            key: text,
        })))
    }

    /// Revokes an API key, at once
    #[oai(
        path = "/organizations/:org_id/api-keys/:key_id",
        method = "delete",
        operation_id = "revoke_api_key"
    )]
    async fn revoke_api_key(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        key_id: Path<Uuid>,
    ) -> Result<Json<ApiKeyView>, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::RevokeApiKey).await?;
        let now = app.clock.now();
        let id = ApiKeyId::from_uuid(key_id.0);
        let record = journal::access(
            &access,
            now,
            "api_key.revoked",
            json!({ "api_key_id": id, "change": "revoked" }),
            Some(EventKind::ApiKeyChanged),
        );
        Ok(Json(
            app.store
                .api_keys
                .revoke(org, id, now, record)
                .await?
                .into(),
        ))
    }
}
