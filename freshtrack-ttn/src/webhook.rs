//! Receiving a network's messages over HTTP, without an HTTP framework.
//!
//! Two decisions are made here: whether the caller is who it claims to be, and when a message counts as
//! received. A network sends most messages once and never again, and switches a hook off after a few
//! refusals. So the answer depends on the caller, the size and the inbox only; never on whether the device
//! is known or the message makes sense.

use crate::canonical::QuarantineReason;
use crate::event::{DeviceIdentity, EventBody, LnsEvent, Network};
use crate::ids::ConnectionId;
use crate::key::{EventKey, repeat_guard};
use crate::network::{interpret, parse_object};
use crate::ports::{Connection, ConnectionDirectory, Inbox, InboxEntry, Stored};
use crate::secrets::{ROTATION_GRACE, SecretPair, SecretUse, WebhookSecret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshtrack_core::time::Timestamp;

/// The largest body accepted; the server should stop reading one byte beyond.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// No network's kind is longer; a path is not stored beyond it.
const ROUTE_CHARS_MAX: usize = 32;

/// One call of a network.
#[derive(Clone, Copy)]
pub struct IngressRequest<'a> {
    /// The network whose route was called.
    pub network: Network,
    /// The connection id as it stands in the path, unchecked.
    pub connection: &'a str,
    /// The kind in the path or the `event` parameter; a hint, never trusted.
    pub kind: &'a str,
    /// All headers, names in any case, in the order received.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body, or its first [`BODY_BYTES_MAX`]` + 1` bytes.
    pub body: &'a [u8],
    /// What path variables say of the device, if the route has any.
    pub hint: &'a DeviceIdentity,
}

/// What to answer: a status and, unless empty, a JSON body without secrets or personal data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IngressResponse {
    /// HTTP status: 200, 400, 401, 413 or 503, and nothing else.
    pub status: u16,
    /// JSON text; empty on 401.
    pub body: &'static str,
    /// What happened, for metrics and logs.
    pub outcome: IngressOutcome,
}

/// What happened to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IngressOutcome {
    /// Stored for decoding.
    Accepted,
    /// Stored, but it will not be ingested.
    Quarantined(QuarantineReason),
    /// Was stored before.
    Duplicate,
    /// Not authenticated; the connection may not even exist.
    Unauthorized,
    /// Not a JSON object.
    Malformed,
    /// Larger than [`BODY_BYTES_MAX`].
    TooLarge,
    /// The store did not answer; the network may retry.
    Unavailable,
}

/// Authenticates, bounds, parses and stores one call; decoding happens later, from the inbox.
pub async fn handle(
    connections: &dyn ConnectionDirectory,
    inbox: &dyn Inbox,
    request: &IngressRequest<'_>,
    now: Timestamp,
) -> IngressResponse {
    let found = match request.connection.parse::<ConnectionId>() {
        Ok(id) => match connections.find_connection(&id).await {
            Ok(found) => found.filter(|connection| connection.network == request.network),
            Err(error) => return unavailable(&error),
        },
        Err(_) => None,
    };
    let presented = presented_secret(request.headers);
    // an unknown connection is compared too: same work, same answer
    let secrets = found
        .as_ref()
        .map_or_else(SecretPair::default, |connection| connection.secrets);
    let used = secrets.verify(presented.as_ref(), now);
    let (Some(connection), Some(used)) = (found, used) else {
        return IngressResponse::of(IngressOutcome::Unauthorized);
    };
    let entry = match prepare(&connection, request, now) {
        Ok(entry) => entry,
        Err(outcome) => return IngressResponse::of(outcome),
    };
    let outcome = match inbox.store(connection.org, &entry).await {
        Ok(Stored::Duplicate) => IngressOutcome::Duplicate,
        Ok(Stored::New) => entry
            .quarantine
            .map_or(IngressOutcome::Accepted, IngressOutcome::Quarantined),
        Err(error) => return unavailable(&error),
    };
    if used == SecretUse::Next && connection.secrets.current_expires_at.is_none() {
        confirm(connections, &connection, now).await;
    }
    IngressResponse::of(outcome)
}

/// The message is stored already, so a failure here only means that the next call confirms again.
async fn confirm(connections: &dyn ConnectionDirectory, connection: &Connection, now: Timestamp) {
    if let Err(error) = connections
        .confirm_rotation(&connection.id, now + ROTATION_GRACE)
        .await
    {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "rotation not confirmed yet"
        );
    }
}

fn unavailable(error: &crate::ports::InboxError) -> IngressResponse {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a message could not be stored"
    );
    IngressResponse::of(IngressOutcome::Unavailable)
}

fn prepare(
    connection: &Connection,
    request: &IngressRequest<'_>,
    now: Timestamp,
) -> Result<InboxEntry, IngressOutcome> {
    if request.body.len() > BODY_BYTES_MAX {
        return Err(IngressOutcome::TooLarge);
    }
    let message = parse_object(request.body).map_err(|_| IngressOutcome::Malformed)?;
    let event = interpret(request.network, request.kind, &message, request.hint)
        .map_err(|_| IngressOutcome::Malformed)?;
    let quarantine = refuse(connection, request, &event);
    // what is not ours must not make a message of ours look like its copy
    let guard = repeat_guard(&connection.id, &event).filter(|_| quarantine.is_none());
    Ok(InboxEntry {
        key: EventKey::of(&connection.id, &event, &message),
        guard,
        connection: connection.id.clone(),
        network: request.network,
        kind: event.body.kind(),
        quarantine,
        device: event.device,
        route: request.kind.chars().take(ROUTE_CHARS_MAX).collect(),
        hint: request.hint.clone(),
        arrived_at: now,
        body: request.body.to_vec(),
    })
}

/// Why a message of a right caller is still not ours to ingest.
///
/// What is missing cannot contradict: a field mask may have removed it.
fn refuse(
    connection: &Connection,
    request: &IngressRequest<'_>,
    event: &LnsEvent,
) -> Option<QuarantineReason> {
    let other_application = connection.application.as_ref().is_some_and(|expected| {
        event.device.application_malformed
            || event
                .device
                .application
                .as_ref()
                .is_some_and(|named| named != expected)
    });
    let other_domain = connection.domain.as_deref().is_some_and(|expected| {
        header(request.headers, "x-tts-domain")
            .is_some_and(|named| !named.eq_ignore_ascii_case(expected.as_bytes()))
    });
    if other_application || other_domain {
        return Some(QuarantineReason::WrongApplication);
    }
    match event.body {
        EventBody::Other => Some(QuarantineReason::UnknownEvent),
        _ => None,
    }
}

/// The secret of the first credential header that is there; a wrong one is not rescued by another.
fn presented_secret(headers: &[(&str, &[u8])]) -> Option<WebhookSecret> {
    let own = header(headers, "x-freshtrack-key").or_else(|| header(headers, "x-webhook-secret"));
    if let Some(secret) = own {
        return Some(WebhookSecret::from_presented(secret));
    }
    let authorization = std::str::from_utf8(header(headers, "authorization")?).ok()?;
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(encoded.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(WebhookSecret::from_presented(&pair[colon + 1..]))
}

fn header<'a>(headers: &[(&str, &'a [u8])], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| *value)
}

impl IngressResponse {
    fn of(outcome: IngressOutcome) -> Self {
        let (status, body) = match outcome {
            IngressOutcome::Accepted | IngressOutcome::Quarantined(_) => {
                (200, r#"{"accepted":true,"duplicate":false}"#)
            }
            IngressOutcome::Duplicate => (200, r#"{"accepted":true,"duplicate":true}"#),
            IngressOutcome::Unauthorized => (401, ""),
            IngressOutcome::Malformed => (400, r#"{"accepted":false,"error":"not a JSON object"}"#),
            IngressOutcome::TooLarge => {
                (413, r#"{"accepted":false,"error":"larger than 256 KiB"}"#)
            }
            IngressOutcome::Unavailable => (503, r#"{"accepted":false,"error":"try again"}"#),
        };
        Self {
            status,
            body,
            outcome,
        }
    }
}

impl std::fmt::Debug for IngressRequest<'_> {
    /// Headers carry credentials and bodies carry payloads: neither is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IngressRequest")
            .field("network", &self.network)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
