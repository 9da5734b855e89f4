//! Who may knock: bounds per address before anybody has proved who they are, and origins of browsers.
//!
//! Decided before the upgrade, from what the connection itself tells: behind a proxy every client has
//! the proxy's address, so the bounds are settings.

use crate::config::Limits;
use poem::http::{HeaderMap, header};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Addresses remembered before those that are quiet again are forgotten.
const ADDRESSES_REMEMBERED: usize = 10_000;
/// Beyond this, even with nobody quiet, a new address is refused: memory is bounded.
const ADDRESSES_MAX: usize = 100_000;

/// Why a handshake ended before it began, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// Let in.
    Accepted,
    /// The credential or the right to the organization was at fault.
    Refused,
    /// A bound was reached.
    Limited,
    /// The browser's page comes from elsewhere.
    Origin,
    /// It was our fault: store, key server or hub.
    Fault,
}

impl Handshake {
    /// Every outcome with its name in metrics.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Accepted, "accepted"),
        (Self::Refused, "refused"),
        (Self::Limited, "limited"),
        (Self::Origin, "origin"),
        (Self::Fault, "fault"),
    ];
}

/// A bound per address was reached; seconds until it makes sense to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) retry_after: u32,
}

/// What is known of the addresses that knocked lately.
pub struct Arrivals {
    handshakes_per_second: f64,
    unauthenticated_max: u32,
    origins: Vec<String>,
    seen: Mutex<HashMap<IpAddr, Seen>>,
    outcomes: [AtomicU64; Handshake::ALL.len()],
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Handshakes it may begin now; refills.
    tokens: f64,
    at: Instant,
    /// Connections open without a verified credential.
    unauthenticated: u32,
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrivals")
            .field("addresses", &self.seen().len())
            .finish_non_exhaustive()
    }
}

impl Arrivals {
    /// Bounds as the settings say; no origins means that every page may connect.
    #[must_use]
    pub fn new(limits: &Limits, origins: &[String]) -> Self {
        Self {
            handshakes_per_second: f64::from(limits.handshakes_per_address),
            unauthenticated_max: limits.unauthenticated_per_address,
            origins: origins.to_vec(),
            seen: Mutex::default(),
            outcomes: Default::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<IpAddr, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one handshake of an address from its allowance, and counts it as unauthenticated until
    /// the guard is dropped.
    pub(crate) fn knock(self: &Arc<Self>, from: Option<IpAddr>) -> Result<Waiting, TooMany> {
        // Without an address (no TCP peer) there is nobody to tell apart.
        let address = group(from.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        let now = Instant::now();
        let mut all = self.seen();
        self.forget_quiet(&mut all, now);
        if all.len() >= ADDRESSES_MAX && !all.contains_key(&address) {
            return Err(self.too_many(1));
        }
        let seen = all.entry(address).or_insert(Seen {
            tokens: self.handshakes_per_second,
            at: now,
            unauthenticated: 0,
        });
        seen.tokens = self.refilled(seen, now);
        seen.at = now;
        if seen.tokens < 1.0 {
            return Err(self.too_many(1));
        }
        if seen.unauthenticated >= self.unauthenticated_max {
            // They end by themselves within the time for authenticating.
            return Err(self.too_many(10));
        }
        seen.tokens -= 1.0;
        seen.unauthenticated += 1;
        Ok(Waiting {
            arrivals: Arc::clone(self),
            address,
        })
    }

    /// Whether a page from where the request says it comes may connect.
    pub(crate) fn origin_allowed(&self, headers: &HeaderMap) -> bool {
        if self.origins.is_empty() {
            return true;
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        let allowed = origin.to_str().is_ok_and(|origin| {
            self.origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        });
        if !allowed {
            self.ended(Handshake::Origin);
        }
        allowed
    }

    /// Counts how a handshake ended.
    pub(crate) fn ended(&self, outcome: Handshake) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Handshakes by outcome, for metrics.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let outcomes = Handshake::ALL.iter().zip(&self.outcomes);
        outcomes
            .map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
            .collect()
    }

    fn refilled(&self, seen: &Seen, now: Instant) -> f64 {
        let gained = (now - seen.at).as_secs_f64() * self.handshakes_per_second;
        (seen.tokens + gained).min(self.handshakes_per_second)
    }

    fn too_many(&self, retry_after: u32) -> TooMany {
        self.ended(Handshake::Limited);
        TooMany { retry_after }
    }

    fn forget_quiet(&self, all: &mut HashMap<IpAddr, Seen>, now: Instant) {
        if all.len() < ADDRESSES_REMEMBERED {
            return;
        }
        all.retain(|_, seen| {
            seen.unauthenticated > 0 || self.refilled(seen, now) < self.handshakes_per_second
        });
    }
}

/// One connection that has not proved who it is; gives its place back when dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    arrivals: Arc<Arrivals>,
    address: IpAddr,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(seen) = self.arrivals.seen().get_mut(&self.address) {
            seen.unauthenticated = seen.unauthenticated.saturating_sub(1);
        }
    }
}

/// One customer of an IPv6 network has at least a /64, so that is one address here.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn arrivals(handshakes: u32, unauthenticated: u32, origins: &[&str]) -> Arc<Arrivals> {
        let limits = Limits {
            handshakes_per_address: handshakes,
            unauthenticated_per_address: unauthenticated,
            ..Limits::default()
        };
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Arc::new(Arrivals::new(&limits, &origins))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_an_allowance_of_handshakes_that_refills() {
        let arrivals = arrivals(20, 1_000, &[]);
        for _ in 0..20 {
            drop(arrivals.knock(Some(address(1))).unwrap());
        }
        assert_eq!(arrivals.knock(Some(address(1))).unwrap_err().retry_after, 1);
        drop(arrivals.knock(Some(address(2))).unwrap());
        tokio::time::advance(Duration::from_millis(50)).await;
        drop(arrivals.knock(Some(address(1))).unwrap());
        assert!(arrivals.knock(Some(address(1))).is_err());
        assert_eq!(arrivals.outcomes()[2], ("limited", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_not_proved_themselves_holds_a_place_until_they_are_gone() {
        let arrivals = arrivals(1_000, 3, &[]);
        let mut waiting: Vec<_> = (0..3)
            .map(|_| arrivals.knock(Some(address(1))).unwrap())
            .collect();
        assert_eq!(
            arrivals.knock(Some(address(1))).unwrap_err().retry_after,
            10
        );
        waiting.pop();
        waiting.push(arrivals.knock(Some(address(1))).unwrap());
        assert!(arrivals.knock(Some(address(1))).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_address_and_quiet_ones_are_forgotten() {
        let arrivals = arrivals(1, 10, &[]);
        let v6 = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        drop(arrivals.knock(v6("2001:db8::1")).unwrap());
        assert!(arrivals.knock(v6("2001:db8::ffff:2")).is_err());
        drop(arrivals.knock(v6("2001:db8:0:1::1")).unwrap());
        for n in 0..ADDRESSES_REMEMBERED as u128 {
            let address = IpAddr::V6(Ipv6Addr::from((1 << 100) + (n << 64)));
            drop(arrivals.knock(Some(address)).unwrap());
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        drop(arrivals.knock(Some(address(1))).unwrap());
        assert_eq!(arrivals.seen().len(), 1);
    }

    #[test]
    fn only_named_pages_may_connect_and_programs_always() {
        let arrivals = arrivals(1, 1, &["https://app.example"]);
        let from = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            arrivals.origin_allowed(&headers)
        };
        assert!(from(None));
        assert!(from(Some("https://app.example")));
        assert!(!from(Some("https://app.example.evil")));
        assert!(!from(Some("null")));
        assert_eq!(arrivals.outcomes()[3], ("origin", 2));
    }
}
