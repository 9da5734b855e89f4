#![doc = include_str!("../README.md")]

#[cfg(all(feature = "native-codecs", feature = "cayenne"))]
pub mod bench;
pub mod canonical;
#[cfg(feature = "chirpstack")]
pub mod chirpstack;
pub mod codec;
pub mod decode;
pub mod event;
pub mod event_time;
#[cfg(feature = "sim")]
pub mod fake;
pub mod ids;
pub mod key;
#[cfg_attr(
    not(feature = "tts-webhook"),
    expect(dead_code, reason = "each adapter uses its part")
)]
mod lenient;
pub mod mapping;
pub mod memory;
pub mod network;
pub mod ports;
pub mod provisioning;
pub mod secrets;
pub mod testkit;
#[cfg(feature = "tts-webhook")]
pub mod tts;
#[cfg(feature = "tts-http")]
pub mod tts_admin;
pub mod uplink;
pub mod webhook;

pub use lenient::NanoInstant;
