//! From a raw message to an [`LnsEvent`], by the network it came from.

use crate::event::{DeviceIdentity, LnsEvent, Network};
use serde_json::Value;

/// Why a body is not a message of any network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// This build has no adapter for the network.
    #[error("this build has no adapter for the network")]
    NoAdapter,
}

/// Reads a stored body again, exactly as ingress read it.
///
/// `route` is the event name the network put into the address (only `ChirpStack` needs it), `hint` what
/// the path said of the device.
///
/// # Errors
/// [`MessageError`] if the body is not a JSON object, or the network's feature is not built in.
pub fn parse_event(
    network: Network,
    route: &str,
    body: &[u8],
    hint: &DeviceIdentity,
) -> Result<LnsEvent, MessageError> {
    let message = parse_object(body)?;
    interpret(network, route, &message, hint)
}

/// A body as a JSON object.
pub(crate) fn parse_object(body: &[u8]) -> Result<Value, MessageError> {
    let message: Value = serde_json::from_slice(body).map_err(|_| MessageError::NotJson)?;
    if message.is_object() {
        Ok(message)
    } else {
        Err(MessageError::NotAnObject)
    }
}

/// The event a JSON object stands for.
pub(crate) fn interpret(
    network: Network,
    route: &str,
    message: &Value,
    hint: &DeviceIdentity,
) -> Result<LnsEvent, MessageError> {
    let mut event = translate(network, route, message).ok_or(MessageError::NoAdapter)?;
    event.device.fill_from(hint);
    Ok(event)
}

#[cfg_attr(
    all(feature = "tts-webhook", feature = "chirpstack"),
    expect(
        clippy::unnecessary_wraps,
        reason = "a build may lack the network's adapter"
    )
)]
fn translate(network: Network, route: &str, message: &Value) -> Option<LnsEvent> {
    match network {
        #[cfg(feature = "tts-webhook")]
        Network::TheThingsStack => Some(crate::tts::parse_message(message)),
        #[cfg(feature = "chirpstack")]
        Network::Chirpstack => Some(crate::chirpstack::parse_message(route, message)),
        #[cfg(not(all(feature = "tts-webhook", feature = "chirpstack")))]
        _ => {
            tracing::warn!(?network, route, object = message.is_object(), "no adapter");
            None
        }
    }
}
