//! Food safety: what the law says, whether it was kept, and whether an alarm is worth waking somebody.
//!
//! Everything here is a pure function of series, operator events, settings and `now`. Comparisons that
//! decide a verdict are exact integers ([`lattice`]); models and statistics use floats and never decide
//! one. Compliance evaluators never see grace, and unobserved time never becomes Pass.

pub mod closed_form;
pub mod cooling;
pub mod coverage;
pub mod defrost;
pub mod display;
pub mod drift;
pub mod exposure;
pub mod fleet;
pub mod lattice;
pub mod legs;
pub mod mkt;
pub mod newton;
pub mod power_loss;
pub mod preset;
pub mod product_model;
pub mod sensor_truth;
pub mod series;
pub mod single_tolerance;
pub mod time_control;
pub mod verdict;
