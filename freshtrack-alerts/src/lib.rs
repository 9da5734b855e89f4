//! Under construction.
pub mod food_safety;
