#![doc = include_str!("../README.md")]

mod coalesce;
mod config;
mod counters;
mod envelope;
mod event;
mod histogram;
mod hub;
mod jitter;
mod latest;
mod mailbox;
pub mod memory;
mod outbox_view;
mod payload;
pub mod ports;
#[cfg(feature = "redis")]
pub mod redis;
mod render;
mod resume;
mod schema;
#[cfg(feature = "testkit")]
pub mod testkit;
mod topic;

pub use coalesce::{Batch, Coalescer, READINGS_PER_BATCH_MAX};
pub use config::HubConfig;
pub use counters::{Asked, AskedOutcome, HubStats, ResumeOutcome};
pub use envelope::{Content, Control, DecodeError, Envelope, ReadingsBody};
pub use event::{Message, SeqEffect, ServerEvent};
pub use histogram::HistogramView;
pub use hub::{
    Answer, CloseReason, Commands, ConnectError, ConnectRequest, Connection, ConnectionId, Hub,
    HubPorts, LimitScope, Outgoing, Outlet, Token, Transport,
};
pub use latest::{LatestMap, LatestReading};
pub use mailbox::MailboxLimits;
pub use outbox_view::ReadingView;
pub use payload::*;
pub use render::{RenderError, Rendered, render, render_batch, render_or_hint};
pub use resume::{LastSeq, ResumeRequest, ResyncReason, Start, decide, replayed_body};
pub use schema::{events_schema, events_typescript};
pub use topic::{Audience, Principal, Rooms, Topic};
