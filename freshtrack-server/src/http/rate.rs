//! How many requests a credential may make: a fixed allowance that refills steadily.

use crate::config::Limits;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::fmt;
use std::num::NonZeroU32;

/// Allowances of this process.
pub struct RateLimits {
    general: DefaultKeyedRateLimiter<String>,
    ingest: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits")
            .field("keys", &self.general.len())
            .finish_non_exhaustive()
    }
}

/// Keys remembered before those that have their full allowance again are forgotten.
const KEYS_REMEMBERED: usize = 10_000;

impl RateLimits {
    /// Allowances as the settings say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let quota = |per_minute: u32| {
            Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
        };
        Self {
            general: RateLimiter::keyed(quota(limits.requests_per_minute)),
            ingest: RateLimiter::keyed(quota(limits.ingest_requests_per_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one request of `caller` at `path` from its allowance.
    ///
    /// # Errors
    /// Seconds until the next one is allowed.
    pub fn take(&self, caller: &str, path: &str) -> Result<(), u32> {
        let limiter = if path.starts_with("/api/v1/ingest/") {
            &self.ingest
        } else {
            &self.general
        };
        if limiter.len() > KEYS_REMEMBERED {
            limiter.retain_recent();
        }
        limiter.check_key(&caller.to_owned()).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(60)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_allowance_and_ingest_another() {
        let limits = Limits {
            requests_per_minute: 2,
            ingest_requests_per_minute: 3,
            ..Limits::default()
        };
        let rates = RateLimits::new(&limits);
        assert!(rates.take("a", "/api/v1/x").is_ok());
        assert!(rates.take("a", "/api/v1/x").is_ok());
        let wait = rates.take("a", "/api/v1/x").unwrap_err();
        assert!((1..=31).contains(&wait), "{wait}");
        assert!(rates.take("b", "/api/v1/x").is_ok());
        for _ in 0..3 {
            assert!(rates.take("a", "/api/v1/ingest/readings").is_ok());
        }
        assert!(rates.take("a", "/api/v1/ingest/readings").is_err());
    }
}
