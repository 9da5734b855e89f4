//! The stream endpoint: who is it, what do they want, which transport.

use super::arrivals::{Handshake, TooMany};
use super::{Wire, sse, websocket};
use crate::app::App;
use crate::http::auth::{self, Principal};
use crate::http::permissions::Operation;
use crate::http::problem::{Code, Problem};
use freshtrack_core::ids::{OrgId, SiteId, UnitId};
use freshtrack_core::time::Timestamp;
use freshtrack_realtime::{ConnectError, ConnectRequest, Connection, LimitScope, Transport};
use freshtrack_realtime::{LastSeq, ResumeRequest};
use freshtrack_realtime::{Principal as LivePrincipal, Rooms, Topic};
use poem::http::{Method, header};
use poem::web::websocket::WebSocket;
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;

/// `GET /api/v1/stream`
#[derive(Debug, Clone, Copy)]
pub struct StreamEndpoint;

/// What the query string asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) organization: Option<OrgId>,
    pub(super) since: Option<String>,
    pub(super) epoch: Option<String>,
    pub(super) topics: Vec<Topic>,
}

impl Wish {
    fn of(request: &Request) -> Result<Self, Problem> {
        let mut wish = Self::default();
        let query = request.original_uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "organization_id" => {
                    wish.organization = Some(value.parse().map_err(|_| Problem::not_found())?);
                }
                "since" => wish.since = Some(value.into_owned()),
                "epoch" => wish.epoch = Some(value.into_owned()),
                "site_id" => {
                    let site: SiteId = value.parse().map_err(|_| Problem::not_found())?;
                    wish.topics.push(Topic::Site(site));
                }
                "unit_id" => {
                    let unit: UnitId = value.parse().map_err(|_| Problem::not_found())?;
                    wish.topics.push(Topic::Unit(unit));
                }
                "token" | "access_token" | "api_key" | "key" => {
                    return Err(Problem::detailed(
                        Code::Unauthenticated,
                        "a credential never goes into a URL: send it as a header",
                    ));
                }
                _ => {}
            }
        }
        if let Some(last) = request.header("last-event-id") {
            wish.since = Some(last.to_owned());
        }
        Ok(wish)
    }
}

impl Endpoint for StreamEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let app = request
            .extensions()
            .get::<Arc<App>>()
            .cloned()
            .ok_or_else(|| Problem::new(Code::Internal))?;
        if request.method() != Method::GET {
            return Err(Problem::new(Code::MethodNotAllowed).into());
        }
        let wish = Wish::of(&request)?;
        let upgrade = is_upgrade(&request);
        if !upgrade && !accepts_events(&request) {
            return Err(Problem::new(Code::NotAcceptable).into());
        }
        if upgrade && !app.arrivals.origin_allowed(request.headers()) {
            return Err(Problem::new(Code::OriginForbidden).into());
        }
        let address = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let waiting = app
            .arrivals
            .knock(address)
            .map_err(|TooMany { retry_after }| Problem::rate_limited(retry_after))?;
        if upgrade {
            // A browser cannot set headers on a WebSocket: it authenticates by its first frame.
            let anonymous = !request.headers().contains_key(header::AUTHORIZATION)
                && !request.headers().contains_key(auth::X_API_KEY);
            let connection = if anonymous {
                None
            } else {
                Some(enter(&app, &request, &wish, Transport::WebSocket).await?)
            };
            let (upgrade, mut body) = request.split();
            let socket = WebSocket::from_request(&upgrade, &mut body).await?;
            let arrival = websocket::Arrival {
                connection,
                wish,
                waiting,
            };
            return Ok(websocket::serve(app, socket, arrival).into_response());
        }
        let connection = enter(&app, &request, &wish, Transport::Sse).await?;
        let wire = request.extensions().get::<Wire>().cloned();
        Ok(sse::serve(connection.outlet, wire))
    }
}

fn is_upgrade(request: &Request) -> bool {
    request
        .header("upgrade")
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Whether the client takes `text/event-stream`.
fn accepts_events(request: &Request) -> bool {
    request.header("accept").is_some_and(|accept| {
        accept.split(',').any(|range| {
            let media = range.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("text/event-stream")
                || media.eq_ignore_ascii_case("text/*")
                || media == "*/*"
        })
    })
}

/// When a credential ends.
pub(super) fn expiry(principal: &Principal) -> Option<Timestamp> {
    match principal {
        Principal::Person { expires_at, .. } => Some(*expires_at),
        Principal::Machine(key) => key.expires_at,
    }
}

pub(super) fn live_principal(principal: &Principal) -> LivePrincipal {
    match principal {
        Principal::Person { user, .. } => LivePrincipal::User(user.id),
        Principal::Machine(key) => LivePrincipal::ApiKey(key.id),
    }
}

/// Lets a caller in by the credential of its request.
async fn enter(
    app: &App,
    request: &Request,
    wish: &Wish,
    transport: Transport,
) -> Result<Connection, Problem> {
    let entered = match auth::authenticate(app, request).await {
        Ok(principal) => connect(app, &principal, wish, transport).await,
        Err(problem) => Err(problem),
    };
    note(app, entered.as_ref().err());
    entered
}

/// Counts how a handshake ended.
pub(super) fn note(app: &App, problem: Option<&Problem>) {
    app.arrivals
        .ended(match problem.map(|p| p.code().status()) {
            None => Handshake::Accepted,
            Some(429) => Handshake::Limited,
            Some(500..) => Handshake::Fault,
            Some(_) => Handshake::Refused,
        });
}

/// Authorizes a caller and attaches it to the hub.
pub(super) async fn connect(
    app: &App,
    principal: &Principal,
    wish: &Wish,
    transport: Transport,
) -> Result<Connection, Problem> {
    let live = live_principal(principal);
    let wanted = match principal {
        Principal::Machine(key) => Some(wish.organization.unwrap_or(key.org)),
        Principal::Person { .. } => wish.organization,
    };
    let standing = app
        .membership
        .resolve(live, wanted)
        .await?
        .ok_or_else(Problem::not_found)?;
    auth::authorize(app, principal, standing.org, Operation::Stream).await?;
    for topic in &wish.topics {
        if !app.membership.may_see(live, standing.org, *topic).await? {
            return Err(Problem::not_found());
        }
    }
    let rooms = if wish.topics.is_empty() {
        Rooms::organization()
    } else {
        Rooms::of(&wish.topics)
    };
    let request = ConnectRequest {
        principal: live,
        org: standing.org,
        role: standing.role,
        temperature_unit: standing.temperature_unit,
        transport,
        socket_id: app.ids.uuid().simple().to_string(),
        rooms,
        resume: ResumeRequest {
            last_seq: wish
                .since
                .as_deref()
                .map_or(LastSeq::Absent, LastSeq::from_text),
            epoch: wish.epoch.clone(),
            organization_unnamed: wanted.is_none() && standing.several,
        },
        expires_at: expiry(principal),
    };
    app.hub.connect(request).await.map_err(|error| match error {
        ConnectError::TooManyConnections(LimitScope::Node) => Problem::unavailable(30),
        ConnectError::TooManyConnections(_) => Problem::rate_limited(30),
        ConnectError::Draining => Problem::unavailable(5),
        other => {
            tracing::warn!(error = ?other, "a live connection could not be made");
            Problem::unavailable(2)
        }
    })
}
