//! Ports: what FreshTrack needs from the world, declared by the crate that needs it.
//!
//! Tenant first, time and ids as values, every method atomic, `Ok(None)` for absence, everything
//! bounded. A change that spans records is one value with everything in it, including its
//! [`Journal`](crate::audit::Journal), and is applied whole or refused.

mod api_keys;
mod audit_log;
mod clock;
mod devices;
mod id_gen;
mod organizations;
mod outbox;
mod places;
mod reading_series;
mod reading_store;
mod token_verifier;

pub use api_keys::ApiKeys;
pub use audit_log::{AuditLog, AuditRange};
pub use clock::Clock;
pub use devices::{AssignDevice, Devices};
pub use id_gen::IdGen;
pub use organizations::{Member, MemberChange, NewOrganization, Organizations};
pub use outbox::Outbox;
pub use places::Places;
pub use reading_series::{ReadingSeries, WATCHES_MAX};
pub use reading_store::{ReadingCursor, ReadingOrder, ReadingQuery, ReadingStore};
pub use token_verifier::{TokenError, TokenVerifier};
