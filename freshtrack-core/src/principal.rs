//! Callers: who is asking, and what that lets them do.

use crate::ids::{ApiKeyId, OrgId, UserId};
use crate::time::Timestamp;
use crate::wire_enum;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// Role of a member, least first: a role may do what every lesser one may.
    Role {
        /// Reads everything.
        Viewer = "viewer",
        /// Logs, acknowledges, resolves.
        Staff = "staff",
        /// Units, devices, contacts.
        Manager = "manager",
        /// Sites, rules, members, keys.
        Admin = "admin",
        /// Settings, billing, ownership.
        Owner = "owner",
    }
}

wire_enum! {
    /// What an API key may be used for.
    Scope {
        /// Posting readings.
        Ingest = "ingest",
        /// Reading as a viewer.
        Read = "read",
    }
}

/// A person as a verified token names them: issuer and subject, both from the credential.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Who vouches for the subject.
    pub issuer: String,
    /// The issuer's name for the person; never empty.
    pub subject: String,
    /// E-mail address, when the token carries one.
    pub email: Option<String>,
    /// When the credential ends.
    pub expires_at: Timestamp,
}

/// A person known to this installation. Membership, not this record, grants anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Who vouches for the subject.
    pub issuer: String,
    /// The issuer's name for the person.
    pub subject: String,
    /// E-mail address, lower-case.
    pub email: Option<String>,
    /// When the record was made.
    pub created_at: Timestamp,
}

/// One person's role in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// The role.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// A machine credential as stored: the secret only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Id.
    pub id: ApiKeyId,
    /// The organization it acts in; there is no other.
    pub org: OrgId,
    /// Display name.
    pub name: String,
    /// First eight characters, unique; what is looked up and shown.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it ends, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, written at most once a minute.
    pub last_used_at: Option<Timestamp>,
    /// The key it took over from.
    pub rotated_from: Option<ApiKeyId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who did something, for audit and history. Always taken from the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    User(UserId),
    /// A machine credential.
    ApiKey(ApiKeyId),
    /// FreshTrack itself.
    System,
    /// A platform administrator.
    SuperAdmin(UserId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_from_least_to_most() {
        assert!(Role::Viewer < Role::Staff && Role::Staff < Role::Manager);
        assert!(Role::Manager < Role::Admin && Role::Admin < Role::Owner);
    }
}
