//! Machine credentials: made by admins, shown once, revoked at once.

use super::{Tags, found, journal};
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
use freshtrack_core::time::Span;
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
    /// The key it took over from.
    #[oai(skip_serializing_if_is_none)]
    rotated_from: Option<Uuid>,
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
            rotated_from: key.rotated_from.map(|id| id.as_uuid()),
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

/// How a key is taken over from.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RotateApiKey {
    /// How long the old key stays valid beside the new one: up to 604,800 (7 days), 86,400 if left out.
    #[oai(default = "overlap_default", validator(maximum(value = "604800")))]
    overlap_seconds: u32,
}

/// A day.
const fn overlap_default() -> u32 {
    86_400
}

/// A key took over.
#[derive(Debug, Object)]
pub struct ApiKeyRotated {
    /// The new credential: same name and scopes, and if the old one had an end, as long a life.
    api_key: ApiKeyView,
    /// The whole new key. Shown this once; only its hash is kept.
    key: String,
    /// The old credential with its end.
    previous: ApiKeyView,
}

/// A key took over.
#[derive(Debug, ApiResponse)]
pub enum ApiKeyRotatedAnswer {
    /// The new key with its secret, and the old one.
    #[oai(status = 201)]
    Rotated(Json<ApiKeyRotated>),
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

    /// Makes a key that takes over from another one; its secret is shown this once
    #[oai(
        path = "/organizations/:org_id/api-keys/:key_id/rotate",
        method = "post",
        operation_id = "rotate_api_key"
    )]
    async fn rotate_api_key(
        &self,
        app: Data<&Arc<App>>,
        caller: Caller,
        org_id: Path<Uuid>,
        key_id: Path<Uuid>,
        body: Body<RotateApiKey>,
    ) -> Result<ApiKeyRotatedAnswer, Problem> {
        let org = OrgId::from_uuid(org_id.0);
        let access = caller.authorize(&app, org, Operation::RotateApiKey).await?;
        let id = ApiKeyId::from_uuid(key_id.0);
        let keys = app.store.api_keys.list(org, KEYS_MAX).await?;
        let old = found(keys.into_iter().find(|key| key.id == id))?;
        let now = app.clock.now();
        let until = now + Span::from_seconds(i64::from(body.0.overlap_seconds));
        let expires_at = old.expires_at.map(|at| now + (at - old.created_at));
        let (key, text) = credentials::make_key(
            app.ids.as_ref(),
            org,
            &old.name,
            old.scopes,
            expires_at,
            now,
        );
        let data = json!({
            "api_key_id": id, "change": "rotated", "successor_id": key.id, "prefix": key.prefix,
            "valid_until": until,
        });
        let kind = Some(EventKind::ApiKeyChanged);
        let record = journal::access(&access, now, "api_key.rotated", data, kind);
        let mut new = key.clone();
        let previous = app
            .store
            .api_keys
            .supersede(org, id, key, until, record)
            .await?;
        new.rotated_from = Some(id);
        Ok(ApiKeyRotatedAnswer::Rotated(Json(ApiKeyRotated {
            api_key: new.into(),
            key: text,
            previous: previous.into(),
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
