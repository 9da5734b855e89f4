//! Where a network's two halves are.
//!
//! The identity half of a hosted network stands in one place for the whole world, the others in the region
//! of the devices; a call to the wrong half fails in ways that look like missing rights. The two addresses
//! are two types, so such a call does not compile:
//!
//! ```compile_fail
//! use freshtrack_ttn::provisioning::cluster::{Cluster, IdentityHost};
//! fn look_up(_at: &IdentityHost) {}
//! let cluster = Cluster::public(freshtrack_ttn::provisioning::cluster::Region::Eu1);
//! look_up(cluster.regional());
//! ```

use serde::{Deserialize, Serialize};
use std::fmt;

/// The address is not `https://host[:port]`, or `http://` of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network's address is `https://host[:port]` without a path")]
pub struct InvalidAddress;

macro_rules! hosts {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The base of its URLs, without a slash at the end.
            #[must_use]
            pub fn base(&self) -> &str {
                &self.0
            }

            /// The host alone, as devices' records name it.
            #[must_use]
            pub fn host(&self) -> &str {
                let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
                rest.rsplit_once(':').map_or(rest, |(host, _)| host)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidAddress;

            fn try_from(url: String) -> Result<Self, InvalidAddress> {
                base_url(&url).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(host: $name) -> Self {
                host.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

hosts! {
    /// Where applications, devices' identities, gateways and users are.
    IdentityHost;
    /// Where keys, radio state, payloads and webhooks are.
    RegionalHost;
}

/// A base URL without its last slash; credentials in it, a path or a query are refused.
fn base_url(url: &str) -> Result<String, InvalidAddress> {
    let url = url.strip_suffix('/').unwrap_or(url);
    let (scheme, rest) = url.split_once("://").ok_or(InvalidAddress)?;
    let plain = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    let local = rest
        .split(':')
        .next()
        .is_some_and(|host| host == "localhost" || host == "127.0.0.1");
    let secure = scheme == "https" || (scheme == "http" && local);
    (plain && secure && !rest.is_empty() && rest.len() <= 253)
        .then(|| url.to_owned())
        .ok_or(InvalidAddress)
}

/// Regions of the public network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// Europe, Africa, Asia.
    Eu1,
    /// North America.
    Nam1,
    /// Australia.
    Au1,
}

impl Region {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Eu1 => "eu1",
            Self::Nam1 => "nam1",
            Self::Au1 => "au1",
        }
    }
}

/// Both halves of one network, stored as a pair with the credential that opens them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cluster {
    identity: IdentityHost,
    regional: RegionalHost,
}

impl Cluster {
    /// The public network in a region; its identity half is in `eu1` whatever the region.
    #[must_use]
    pub fn public(region: Region) -> Self {
        Self {
            identity: IdentityHost("https://eu1.cloud.thethings.network".to_owned()),
            regional: RegionalHost(format!(
                "https://{}.cloud.thethings.network",
                region.as_str()
            )),
        }
    }

    /// A tenant of the paid cloud; its identity half is the tenant's in `eu1`.
    ///
    /// # Errors
    /// [`InvalidAddress`] if the names cannot be parts of a host name.
    pub fn cloud(tenant: &str, cluster: &str) -> Result<Self, InvalidAddress> {
        let host = |cluster: &str| format!("https://{tenant}.{cluster}.cloud.thethings.industries");
        Ok(Self {
            identity: host("eu1").try_into()?,
            regional: host(cluster).try_into()?,
        })
    }

    /// Two addresses as an operator gives them; a deployment on one host gives the same twice.
    ///
    /// # Errors
    /// [`InvalidAddress`] if either is not `https://host[:port]`.
    pub fn custom(identity: &str, regional: &str) -> Result<Self, InvalidAddress> {
        Ok(Self {
            identity: identity.to_owned().try_into()?,
            regional: regional.to_owned().try_into()?,
        })
    }

    /// The identity half.
    #[must_use]
    pub const fn identity(&self) -> &IdentityHost {
        &self.identity
    }

    /// The regional half.
    #[must_use]
    pub const fn regional(&self) -> &RegionalHost {
        &self.regional
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_network_has_one_identity_half_and_three_regional_ones() {
        for region in [Region::Eu1, Region::Nam1, Region::Au1] {
            let cluster = Cluster::public(region);
            assert_eq!(cluster.identity().host(), "eu1.cloud.thethings.network");
            assert!(cluster.regional().host().starts_with(region.as_str()));
        }
        let cloud = Cluster::cloud("acme", "nam1").unwrap();
        assert_eq!(
            cloud.identity().base(),
            "https://acme.eu1.cloud.thethings.industries"
        );
        assert_eq!(
            cloud.regional().host(),
            "acme.nam1.cloud.thethings.industries"
        );
    }

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for good in [
            "https://tts.example",
            "https://tts.example:8443/",
            "http://localhost:1885",
        ] {
            assert!(Cluster::custom(good, good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "tts.example",
            "http://tts.example",
            "https://",
            "https://a/b",
            "https://u:p@a",
            "https://a?x=1",
            "https://localhost.evil.example/x",
            "ftp://a",
        ] {
            assert!(Cluster::custom(bad, bad).is_err(), "{bad}");
        }
        assert!(Cluster::cloud("a/b", "eu1").is_err());
    }
}
