//! Laws of the program as a process: killed at any instant, stopped, started several at once, and what
//! its command line promises. Every test runs the real binary.

mod client;
mod database;
mod kill;
mod program;
mod series;
mod uplinks;
