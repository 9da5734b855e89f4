//! The alert engine as a whole: the acceptance examples and the laws of the specification.

mod alert_life;
mod connectivity;
mod fixture;
mod temperature;
