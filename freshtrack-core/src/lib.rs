#![doc = include_str!("../README.md")]

pub mod audit;
pub mod decimal;
pub mod device;
pub mod error;
pub mod event;
pub mod evidence;
pub mod hierarchy;
pub mod ids;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod memory;
pub mod page;
pub mod ports;
pub mod principal;
pub mod reading;
pub mod series;
pub mod temperature;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod time;
