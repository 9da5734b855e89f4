//! Live connections: `/api/v1/stream` as server-sent events or plain WebSocket, `/socket.io/` as
//! Socket.IO.
//!
//! A transport is a loop over a hub connection: it decides nothing, and never serializes.

mod arrivals;
pub mod socketio;
mod sse;
mod stream;
mod websocket;
mod wire;

pub use arrivals::Arrivals;
pub use stream::StreamEndpoint;
pub use wire::{Wire, WireStream};
