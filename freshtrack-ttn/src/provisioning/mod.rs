//! Bringing a device onto a network, and taking it off, whatever fails in between.
//!
//! A network such as The Things Stack keeps one device in four registries, here called planes, that know
//! nothing of each other. There is no transaction over them: a device is either on all four or it must be
//! on none, and a crash, a timeout or a refusal can come between any two calls. So the work is a
//! [`saga::Saga`], a value that is stored **before** each call and decides what comes next:
//!
//! ```text
//! Saga::next() ─► Call ─► [persist] ─► ports::DevicePlanes ─► Outcome ─► Saga::after() ─► …
//! ```
//!
//! [`Provisioner`] is that loop. Only what a run created itself is ever removed again; a call whose outcome
//! is unknown is never compensated but looked at again.

pub mod cluster;
pub mod diagnosis;
pub mod enrolment;
pub mod fault;
pub mod plane;
pub mod rights;
pub mod saga;

mod provisioner;

pub use provisioner::{Progress, Provisioner};
