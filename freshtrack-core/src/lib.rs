#![doc = include_str!("../README.md")]

pub mod decimal;
pub mod evidence;
pub mod ids;
pub mod temperature;
pub mod time;
