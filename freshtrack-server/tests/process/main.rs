//! Laws of the program as a process: killed at any instant, stopped, started several at once, and what
//! its command line promises. Every test runs the real binary.

mod audit_bundle;
mod client;
mod command_line;
mod database;
mod demo;
mod kill;
mod program;
mod replay;
mod secrets;
mod series;
mod stop;
mod together;
mod tokens;
mod uplinks;
