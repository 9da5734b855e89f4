//! The whole server over HTTP: what clients may rely on, and what an attacker may not.

mod alert_journey;
mod authorization;
mod bad_credentials;
mod bad_readings;
mod bad_requests;
mod document;
mod documented_examples;
mod health;
mod identity_provider;
mod live_events;
mod live_limits;
mod live_sockets;
mod network_webhook;
mod problem_codes;
mod reply;
mod running;
mod text_stream;
