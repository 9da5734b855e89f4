//! The laws of the real-time specification that live in this crate, by number.

mod authority;
mod delivery;
mod readings;
mod resume;
