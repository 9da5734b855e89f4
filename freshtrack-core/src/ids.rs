//! Identifiers: one newtype per entity, so that a unit's id can never be passed where a site's is wanted.
//!
//! Ids are `UUIDv7` made by an [`IdGen`](crate::ports::IdGen); clients never choose them. The list in
//! this file is append-only.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {entity} id")]
pub struct InvalidId {
    /// Which kind of id was expected.
    pub entity: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $entity:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name this entity.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { entity: $entity })
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// An organization: the tenant every other row belongs to.
    OrgId = "organization";
    /// A person.
    UserId = "user";
    /// A site: a restaurant, a commissary.
    SiteId = "site";
    /// An area of a site.
    AreaId = "area";
    /// A monitored appliance.
    UnitId = "unit";
    /// A sensor.
    DeviceId = "device";
    /// A LoRaWAN gateway.
    GatewayId = "gateway";
    /// One alert, from raise to resolve.
    AlertId = "alert";
    /// A group of alerts with one cause.
    IncidentId = "incident";
    /// A window in which nothing is raised or paged.
    SuppressionId = "suppression";
    /// A machine credential.
    ApiKeyId = "api key";
    /// A reading; derived from what it is a reading of, see [`ReadingId::derive`].
    ReadingId = "reading";
    /// A value typed by a person.
    ManualLogId = "manual log";
    /// What was done about an alert.
    CorrectiveActionId = "corrective action";
    /// A change of state that was committed to the outbox.
    EventId = "event";
    /// One notification to one recipient on one channel.
    DeliveryId = "delivery";
    /// A person or number that escalation calls.
    ContactId = "contact";
    /// A set of rule fields at one scope.
    RuleSetId = "rule set";
    /// A calibration record of a device.
    CalibrationId = "calibration";
    /// A background job.
    JobId = "job";
    /// A request, as seen in logs and problem documents.
    RequestId = "request";
    /// An event received from a network server.
    LnsEventId = "network event";
    /// A registered outgoing webhook.
    WebhookEndpointId = "webhook endpoint";
    /// An invitation to an organization.
    InvitationId = "invitation";
}

impl ReadingId {
    /// The id of the reading that `device` (or nobody) took of `unit` at `recorded_at_us`.
    ///
    /// A reading is identified by what it measured and when, so its id is a `UUIDv8` over just that:
    /// posting it again yields the same id without a look-up, and no id is stored per row.
    #[must_use]
    pub fn derive(unit: UnitId, device: Option<DeviceId>, probe: u8, recorded_at_us: i64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"ftr1");
        hash.update(unit.0.as_bytes());
        hash.update(device.map_or(Uuid::nil(), |d| d.0).as_bytes());
        hash.update([probe]);
        hash.update(recorded_at_us.to_be_bytes());
        let digest = hash.finalize();
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_id_depends_on_each_part_and_on_nothing_else() {
        let unit = UnitId::from_uuid(Uuid::from_u128(1));
        let device = Some(DeviceId::from_uuid(Uuid::from_u128(2)));
        let id = ReadingId::derive(unit, device, 0, 5);
        assert_eq!(id, ReadingId::derive(unit, device, 0, 5));
        assert_ne!(
            id,
            ReadingId::derive(UnitId::from_uuid(Uuid::from_u128(9)), device, 0, 5)
        );
        assert_ne!(id, ReadingId::derive(unit, None, 0, 5));
        assert_ne!(id, ReadingId::derive(unit, device, 1, 5));
        assert_ne!(id, ReadingId::derive(unit, device, 0, 6));
        assert_eq!(id.as_uuid().get_version_num(), 8);
    }

    #[test]
    fn ids_parse_from_text_and_refuse_anything_else() {
        let id = UnitId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse::<UnitId>(), Ok(id));
        assert_eq!(
            "unit-7".parse::<UnitId>(),
            Err(InvalidId { entity: "unit" })
        );
    }
}
