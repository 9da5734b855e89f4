//! A simulated fleet of freezers with known truth, to try an alarm rule on.

mod rng;

pub use rng::Rng;
