//! The alert engine as a whole: the acceptance examples and the laws of the specification.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by panicking"
)]

mod alert_life;
mod connectivity;
mod control_points;
mod defrost;
mod escalation;
mod every_alert_type;
mod fixture;
mod house;
mod incidents;
mod ingest;
mod laws;
mod log_book;
mod look_back;
mod notification;
mod outages;
mod replay;
mod rules;
mod script;
mod services;
mod storm;
mod temperature;
