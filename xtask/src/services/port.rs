//! A free loopback port.

use anyhow::{Result, bail};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Ports from which we draw: below the ephemeral range, so no outgoing socket takes one first.
const RANGE: std::ops::Range<u64> = 20_000..32_000;

/// A port of 127.0.0.1 on which nothing listened a moment ago.
///
/// Another process may still take it before the service does; starters try again in that case.
///
/// # Errors
/// Two hundred ports drawn at random were all taken.
pub(super) fn free() -> Result<u16> {
    for _ in 0..200 {
        let draw = RandomState::new().build_hasher().finish();
        let port = u16::try_from(RANGE.start + draw % (RANGE.end - RANGE.start))?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on loopback")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_port_is_in_the_range_and_can_be_bound() {
        let port = free().unwrap();
        assert!(RANGE.contains(&u64::from(port)));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
