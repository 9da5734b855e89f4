//! Tamper evidence: what makes a record provably unaltered and provably complete.
//!
//! Two structures, both pure. The audit chain ([`crate::audit`]) links every event of an organization to
//! the one before it. The [`merkle`] log (RFC 6962) stands over its events; any leaf can be shown to be
//! in it ([`proof`]), and any later state can be shown to extend an earlier one, by
//! checks ([`verify`]) that share no code with the prover. Neither knows where its rows are stored, and
//! neither signs: a [`head::TreeHead`] gives the bytes to sign.

pub mod canonical;
pub mod hash;
pub mod head;
pub mod merkle;
pub mod proof;
pub mod sequence;
pub mod verify;

pub use canonical::{NotCanonical, canonical_bytes, leaf_bytes};
pub use hash::{InvalidHash, Sha256Hash};
pub use merkle::Frontier;
