#![doc = include_str!("../README.md")]

pub mod alert;
pub mod change;
pub mod monitor;
pub mod ports;
pub mod rules;
