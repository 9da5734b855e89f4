//! Laws and published vectors of food safety.

mod build;
mod cooling;
mod defrost;
mod fleet;
mod lattice;
mod legs;
mod mkt;
mod models;
mod presets;
mod recorded;
mod series;
mod single_tolerance;
mod time_control;
