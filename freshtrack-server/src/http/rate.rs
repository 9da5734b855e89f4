//! How many requests a credential and an organization may make: fixed allowances that refill steadily,
//! per process.

use crate::config::Limits;
use freshtrack_core::ids::OrgId;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use poem::Response;
use poem::http::{HeaderName, HeaderValue};
use std::fmt;
use std::num::NonZeroU32;

/// Draft IETF headers: what is left of an allowance, and what the allowance is.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// See [`RATELIMIT`].
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Seconds over which an allowance refills.
const WINDOW_SECONDS: u32 = 60;

type Informed =
    RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Allowances of this process.
pub struct RateLimits {
    general: Informed,
    ingest: Informed,
    organizations: DefaultKeyedRateLimiter<OrgId>,
    clock: DefaultClock,
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits")
            .field("keys", &self.general.len())
            .finish_non_exhaustive()
    }
}

/// What a caller has left after a request, for its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Name of the allowance.
    pub name: &'static str,
    /// Requests of a window.
    pub quota: u32,
    /// Requests left now.
    pub left: u32,
    /// Seconds until the next one is allowed, if none is left.
    pub wait_seconds: Option<u32>,
}

impl Allowance {
    /// Seconds until all of it is there again.
    fn refilled_in_seconds(self) -> u32 {
        let taken = u64::from(self.quota.saturating_sub(self.left));
        let seconds = (taken * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(self.quota.max(1)));
        u32::try_from(seconds).unwrap_or(WINDOW_SECONDS)
    }

    /// Writes it into an answer.
    pub fn write(self, response: &mut Response) {
        let (name, quota, left) = (self.name, self.quota, self.left);
        let reset = self
            .wait_seconds
            .unwrap_or_else(|| self.refilled_in_seconds());
        let policy = format!("\"{name}\";q={quota};w={WINDOW_SECONDS}");
        let state = format!("\"{name}\";r={left};t={reset}");
        for (header, text) in [(RATELIMIT_POLICY, policy), (RATELIMIT, state)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(header, value);
            }
        }
    }
}

/// Keys remembered before those that have their full allowance again are forgotten.
const KEYS_REMEMBERED: usize = 10_000;

fn quota(per_minute: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
}

impl RateLimits {
    /// Allowances as the settings say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let informed = |per_minute| RateLimiter::keyed(quota(per_minute)).with_middleware();
        Self {
            general: informed(limits.requests_per_minute),
            ingest: informed(limits.ingest_requests_per_minute),
            organizations: RateLimiter::keyed(quota(limits.organization_requests_per_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one request of `caller` at `path` from its allowance; it may not be made if
    /// [`Allowance::wait_seconds`] says to wait.
    #[must_use]
    pub fn take(&self, caller: &str, path: &str) -> Allowance {
        let (name, limiter) = if path.starts_with("/api/v1/ingest/") {
            ("ingest", &self.ingest)
        } else {
            ("requests", &self.general)
        };
        if limiter.len() > KEYS_REMEMBERED {
            limiter.retain_recent();
        }
        match limiter.check_key(&caller.to_owned()) {
            Ok(state) => Allowance {
                name,
                quota: state.quota().burst_size().get(),
                left: state.remaining_burst_capacity(),
                wait_seconds: None,
            },
            Err(refused) => Allowance {
                name,
                quota: refused.quota().burst_size().get(),
                left: 0,
                wait_seconds: Some(whole_seconds(refused.wait_time_from(self.clock.now()))),
            },
        }
    }

    /// Takes one request of somebody who belongs to `org` from the organization's allowance. Strangers
    /// never come here, so nobody can use up another organization's.
    ///
    /// # Errors
    /// Seconds until the next one is allowed.
    pub fn take_of(&self, org: OrgId) -> Result<(), u32> {
        if self.organizations.len() > KEYS_REMEMBERED {
            self.organizations.retain_recent();
        }
        let refused = |refused: governor::NotUntil<_>| {
            whole_seconds(refused.wait_time_from(self.clock.now()))
        };
        self.organizations.check_key(&org).map_err(refused)
    }
}

fn whole_seconds(wait: std::time::Duration) -> u32 {
    u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(WINDOW_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn limits() -> RateLimits {
        RateLimits::new(&Limits {
            requests_per_minute: 2,
            ingest_requests_per_minute: 3,
            organization_requests_per_minute: 2,
            ..Limits::default()
        })
    }

    #[test]
    fn each_caller_has_its_own_allowance_and_ingest_another() {
        let rates = limits();
        let first = rates.take("a", "/api/v1/x");
        assert_eq!((first.quota, first.left, first.wait_seconds), (2, 1, None));
        assert_eq!(rates.take("a", "/api/v1/x").left, 0);
        let refused = rates.take("a", "/api/v1/x");
        let wait = refused.wait_seconds.unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
        assert_eq!(rates.take("b", "/api/v1/x").wait_seconds, None);
        for _ in 0..3 {
            let taken = rates.take("a", "/api/v1/ingest/readings");
            assert_eq!((taken.name, taken.wait_seconds), ("ingest", None));
        }
        assert!(
            rates
                .take("a", "/api/v1/ingest/readings")
                .wait_seconds
                .is_some()
        );
    }

    #[test]
    fn members_of_an_organization_share_one_allowance() {
        let rates = limits();
        let org = |n| OrgId::from_uuid(Uuid::from_u128(n));
        assert!(rates.take_of(org(1)).is_ok() && rates.take_of(org(1)).is_ok());
        assert!(rates.take_of(org(1)).is_err());
        assert!(rates.take_of(org(2)).is_ok());
    }

    #[test]
    fn headers_say_what_is_left_and_when_more_comes() {
        let mut response = Response::default();
        let allowance = Allowance {
            name: "requests",
            quota: 100,
            left: 40,
            wait_seconds: None,
        };
        allowance.write(&mut response);
        assert_eq!(response.headers()[RATELIMIT], "\"requests\";r=40;t=36");
        assert_eq!(
            response.headers()[RATELIMIT_POLICY],
            "\"requests\";q=100;w=60"
        );
    }
}
