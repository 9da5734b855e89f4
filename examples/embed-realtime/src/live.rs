//! The transport: `GET /live` as server-sent events over plain hyper. It decides nothing.

use bytes::{BufMut, Bytes, BytesMut};
use freshtrack_core::ids::OrgId;
use freshtrack_realtime::ports::Membership;
use freshtrack_realtime::{
    ConnectError, ConnectRequest, Hub, LastSeq, Outgoing, Outlet, Principal, ResumeRequest, Rooms,
    Topic, Transport,
};
use futures_util::stream::{self, Stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// A comment goes out after this long without a message, so that a peer that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What answers a request.
pub(crate) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What the transport needs: the hub, and who may come in.
pub(crate) struct Live {
    pub(crate) hub: Hub,
    pub(crate) membership: Arc<dyn Membership>,
    /// Your own authentication: whose credential is this?
    pub(crate) whose: fn(&str) -> Option<Principal>,
}

impl Live {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answer {
        if request.uri().path() != "/live" {
            return plain(StatusCode::NOT_FOUND, "try /live");
        }
        match self.connect(&request).await {
            Ok(outlet) => events(outlet),
            Err(refused) => refused,
        }
    }

    async fn connect(&self, request: &Request<Incoming>) -> Result<Outlet, Answer> {
        let credential = request.headers().get(header::AUTHORIZATION);
        let principal = credential
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(self.whose)
            .ok_or_else(|| plain(StatusCode::UNAUTHORIZED, "send a bearer token"))?;
        // A store that does not answer is no refusal: the client tries again.
        let later = |_| plain(StatusCode::SERVICE_UNAVAILABLE, "try again");
        let standing = self.membership.resolve(principal, None).await;
        let standing = standing
            .map_err(later)?
            .ok_or_else(|| plain(StatusCode::NOT_FOUND, "no organization"))?;
        let topics = self.topics(principal, standing.org, request).await?;
        let last = request.headers().get("last-event-id");
        let last_seq = last.and_then(|value| value.to_str().ok());
        let wish = ConnectRequest {
            principal,
            org: standing.org,
            role: standing.role,
            temperature_unit: standing.temperature_unit,
            transport: Transport::Sse,
            socket_id: "sse".to_owned(),
            rooms: if topics.is_empty() {
                Rooms::organization()
            } else {
                Rooms::of(&topics)
            },
            resume: ResumeRequest {
                last_seq: last_seq.map_or(LastSeq::Absent, LastSeq::from_text),
                ..ResumeRequest::default()
            },
            expires_at: None,
        };
        match self.hub.connect(wish).await {
            Ok(connection) => Ok(connection.outlet),
            Err(ConnectError::TooManyConnections(_)) => {
                Err(plain(StatusCode::TOO_MANY_REQUESTS, "too many connections"))
            }
            Err(_) => Err(plain(StatusCode::SERVICE_UNAVAILABLE, "try again")),
        }
    }

    /// The units asked for by `?unit=…`; a foreign one is as unknown as none.
    async fn topics(
        &self,
        principal: Principal,
        org: OrgId,
        request: &Request<Incoming>,
    ) -> Result<Vec<Topic>, Answer> {
        let query = request.uri().query().unwrap_or_default();
        let mut topics = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let unknown = || plain(StatusCode::NOT_FOUND, "no such unit");
            if name == "unit" {
                let topic = Topic::Unit(value.parse().map_err(|_| unknown())?);
                match self.membership.may_see(principal, org, topic).await {
                    Ok(true) => topics.push(topic),
                    Ok(false) => return Err(unknown()),
                    Err(_) => return Err(plain(StatusCode::SERVICE_UNAVAILABLE, "try again")),
                }
            }
        }
        Ok(topics)
    }
}

fn events(outlet: Outlet) -> Answer {
    let body = StreamBody::new(frames(outlet));
    let mut answer = Response::new(BodyExt::boxed(body));
    let kind = header::HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// Each message as `id`, `event` and `data`; ends when the hub ends the connection, and dropping it
/// gives up the place in the hub.
fn frames(outlet: Outlet) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    stream::unfold(Some(outlet), |outlet| async move {
        let mut outlet = outlet?;
        // hyper asks for more once it has passed on what it had.
        outlet.progressed();
        let next = tokio::time::timeout(HEARTBEAT, outlet.next()).await;
        let (text, outlet) = match next {
            Err(_) => (Bytes::from_static(b":\n\n"), Some(outlet)),
            Ok(Outgoing::Close(_)) => (Bytes::from_static(b"retry: 1000\n\n"), None),
            Ok(Outgoing::Message {
                message,
                resume_from,
            }) => {
                let mut text = BytesMut::new();
                let name = message.event();
                text.put_slice(format!("id: {resume_from}\nevent: {name}\ndata: ").as_bytes());
                text.put_slice(message.body());
                text.put_slice(b"\n\n");
                (text.freeze(), Some(outlet))
            }
        };
        Some((Ok(Frame::data(text)), outlet))
    })
}

fn plain(status: StatusCode, words: &'static str) -> Answer {
    let body = Full::new(Bytes::from_static(words.as_bytes()));
    let mut answer = Response::new(body.boxed());
    *answer.status_mut() = status;
    answer
}
