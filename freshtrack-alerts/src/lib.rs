#![doc = include_str!("../README.md")]

pub mod alert;
pub mod change;
pub mod memory;
pub mod monitor;
pub mod ports;
pub mod rules;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
