//! Live connections: `/api/v1/stream` as server-sent events or plain WebSocket, `/socket.io/` as
//! Socket.IO.
//!
//! A transport is a loop over a hub connection: it decides nothing, and never serializes.

pub mod socketio;
mod sse;
mod stream;
mod websocket;

pub use stream::StreamEndpoint;
