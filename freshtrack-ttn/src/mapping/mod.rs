//! From a codec's JSON to measurements: by a profile, or by the generic rule when there is none.
//!
//! A profile says exactly which field is what; nothing else is read. The generic rule guesses, and what it
//! guesses is `unassigned`: a person confirms the proposal once, which stores a profile.

mod generic;
mod normalized;
mod numbers;
mod profile;
#[cfg(feature = "native-codecs")]
pub mod profiles;

pub use generic::{Proposal, map_generic};
pub use normalized::{NotNormalized, check_normalized, map_normalized};
pub use profile::{
    Condition, FieldRule, MappingProfile, Polarity, RuleQuantity, TextForm, Unit, map_profile,
};
