//! Laws and published vectors of food safety.

mod build;
mod lattice;
mod presets;
mod series;
