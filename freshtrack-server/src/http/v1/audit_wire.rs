//! Audit events, heads and proofs as the API writes them.

use crate::audit_bundle::{BundleError, RECORDS_MAX};
use crate::audit_chain::Verification;
use crate::audit_tree::{Consistency, Inclusion, PROOF_LEAVES_MAX, TreeError};
use crate::http::problem::{Code, Problem};
use crate::http::wire::{Time, Wire};
use freshtrack_core::audit::{AuditCategory, AuditEvent, AuditSeverity};
use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::page::Page;
use freshtrack_core::ports::{HeadKey, SignedHead};
use freshtrack_core::principal::Actor;
use poem_openapi::Object;
use poem_openapi::types::Any;
use serde_json::Value;
use uuid::Uuid;

/// Something that happened.
#[derive(Debug, Object)]
#[oai(rename = "AuditEvent")]
pub struct AuditEventView {
    /// Place in the organization's chain, gapless from 1.
    seq: i64,
    /// When.
    at: Time,
    /// Who: `user`, `api_key`, `system` or `super_admin`.
    actor_type: String,
    /// Their id, if they have one.
    #[oai(skip_serializing_if_is_none)]
    actor_id: Option<Uuid>,
    /// About what.
    category: Wire<AuditCategory>,
    /// Stable name of what happened, like `alert.acknowledged`.
    #[oai(rename = "type")]
    kind: String,
    /// How loud.
    severity: Wire<AuditSeverity>,
    /// One line for people.
    title: String,
    /// Site it refers to.
    #[oai(skip_serializing_if_is_none)]
    site_id: Option<Uuid>,
    /// Area it refers to.
    #[oai(skip_serializing_if_is_none)]
    area_id: Option<Uuid>,
    /// Unit it refers to.
    #[oai(skip_serializing_if_is_none)]
    unit_id: Option<Uuid>,
    /// Device it refers to.
    #[oai(skip_serializing_if_is_none)]
    device_id: Option<Uuid>,
    /// Alert it refers to.
    #[oai(skip_serializing_if_is_none)]
    alert_id: Option<Uuid>,
    /// Details.
    data: Any<Value>,
    /// Hash of the event before.
    previous_hash: String,
    /// Hash of this event.
    hash: String,
}

impl From<AuditEvent> for AuditEventView {
    fn from(event: AuditEvent) -> Self {
        let draft = event.draft;
        let (actor_type, actor_id) = match draft.actor {
            Actor::User(id) => ("user", Some(id.as_uuid())),
            Actor::ApiKey(id) => ("api_key", Some(id.as_uuid())),
            Actor::System => ("system", None),
            Actor::SuperAdmin(id) => ("super_admin", Some(id.as_uuid())),
        };
        let refs = draft.refs;
        Self {
            seq: event.seq,
            at: Time(draft.at),
            actor_type: actor_type.to_owned(),
            actor_id,
            category: Wire(draft.category),
            kind: draft.kind,
            severity: Wire(draft.severity),
            title: draft.title,
            site_id: refs.site.map(|id| id.as_uuid()),
            area_id: refs.area.map(|id| id.as_uuid()),
            unit_id: refs.unit.map(|id| id.as_uuid()),
            device_id: refs.device.map(|id| id.as_uuid()),
            alert_id: refs.alert.map(|id| id.as_uuid()),
            data: Any(draft.data),
            previous_hash: event.previous_hash,
            hash: event.hash,
        }
    }
}

super::list_of!(
    AuditEventList,
    AuditEventView,
    "Audit events, newest first."
);

impl AuditEventList {
    /// A page of the list of all events.
    pub(super) fn page(page: Page<AuditEvent, i64>) -> Self {
        Self::from_page("audit", page)
    }

    /// What there is to see for somebody who asks for other people's events.
    pub(super) const fn empty() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }
}

/// What a check of the log found.
#[derive(Debug, Object)]
pub struct AuditVerification {
    /// Whether every event is where it was written and as it was written.
    ok: bool,
    /// Events looked at.
    checked: i64,
    /// Signed heads that the events were compared with.
    heads_checked: i64,
    /// Number of the newest event.
    head_seq: i64,
    /// Hash of the newest event.
    head_hash: String,
    /// Number of the first event that is missing, moved or changed; where only a signed head tells, the
    /// first event that it vouches for.
    #[oai(skip_serializing_if_is_none)]
    first_bad_seq: Option<i64>,
}

impl From<Verification> for AuditVerification {
    fn from(found: Verification) -> Self {
        Self {
            ok: found.first_bad_seq.is_none(),
            checked: found.checked,
            heads_checked: found.heads_checked,
            head_seq: found.head_seq,
            head_hash: found.head_hash,
            first_bad_seq: found.first_bad_seq,
        }
    }
}

/// A signed state of the log. The signature is over the RFC 8785 bytes of `log`, `size`, `root`, `time`,
/// `previous_size`, `previous_root` and `key_id`.
#[derive(Debug, Object)]
#[oai(rename = "AuditHead")]
pub struct AuditHeadView {
    /// Name of the log.
    log: String,
    /// Events in it.
    size: i64,
    /// Root of the Merkle tree over them.
    root: String,
    /// When it was signed, with exactly three decimals.
    time: String,
    /// Size of the head before; 0 for the first.
    previous_size: i64,
    /// Root of the head before.
    previous_root: String,
    /// Which key signed.
    key_id: String,
    /// Ed25519 signature, Base64.
    signature: String,
    /// Chain hash of the newest event in it.
    chain_hash: String,
}

fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl From<SignedHead> for AuditHeadView {
    fn from(signed: SignedHead) -> Self {
        let head = signed.head;
        Self {
            log: head.log,
            size: number(head.size),
            root: head.root.to_hex(),
            time: head.time.to_rfc3339_millis(),
            previous_size: number(head.previous_size),
            previous_root: head.previous_root.to_hex(),
            key_id: head.key_id,
            signature: signed.signature,
            chain_hash: signed.chain_hash.to_hex(),
        }
    }
}

/// A key that signs heads.
#[derive(Debug, Object)]
#[oai(rename = "AuditKey")]
pub struct AuditKeyView {
    /// Its name: the first 16 hex digits of its SHA-256.
    key_id: String,
    /// Ed25519 public key, Base64.
    public_key: String,
    /// When it was first used.
    first_used_at: Time,
}

impl From<HeadKey> for AuditKeyView {
    fn from(key: HeadKey) -> Self {
        Self {
            key_id: key.key_id,
            public_key: key.public_key,
            first_used_at: Time(key.first_used_at),
        }
    }
}

/// Signed heads of the log, oldest first.
#[derive(Debug, Object)]
pub struct AuditHeadList {
    /// At most 200.
    pub(super) items: Vec<AuditHeadView>,
    /// Keys of this installation.
    pub(super) keys: Vec<AuditKeyView>,
}

fn hex(path: &[Sha256Hash]) -> Vec<String> {
    path.iter().map(|hash| hash.to_hex()).collect()
}

/// That an event is in the log.
#[derive(Debug, Object)]
#[oai(rename = "AuditInclusion")]
pub struct InclusionView {
    /// The event.
    seq: i64,
    /// Its RFC 8785 bytes, which leaf and chain hash cover.
    record: String,
    /// `SHA-256(0x00 ‖ record)`.
    leaf: String,
    /// Size of the tree.
    size: i64,
    /// Root of the tree.
    root: String,
    /// Audit path, nearest sibling first.
    path: Vec<String>,
}

impl InclusionView {
    pub(super) fn of(event: &AuditEvent, proof: &Inclusion) -> Self {
        Self {
            seq: event.seq,
            record: event.draft.canonical(event.org, event.seq),
            leaf: proof.leaf.to_hex(),
            size: proof.size,
            root: proof.root.to_hex(),
            path: hex(&proof.path),
        }
    }
}

/// That a state of the log extends an earlier one.
#[derive(Debug, Object)]
#[oai(rename = "AuditConsistency")]
pub struct ConsistencyView {
    /// Size of the earlier tree.
    first: i64,
    /// Root of the earlier tree.
    first_root: String,
    /// Size of the later tree.
    second: i64,
    /// Root of the later tree.
    second_root: String,
    /// The proof.
    path: Vec<String>,
}

impl From<Consistency> for ConsistencyView {
    fn from(proof: Consistency) -> Self {
        Self {
            first: proof.first,
            first_root: proof.first_root.to_hex(),
            second: proof.second,
            second_root: proof.second_root.to_hex(),
            path: hex(&proof.path),
        }
    }
}

pub(super) fn of_tree(error: TreeError) -> Problem {
    match error {
        TreeError::Store(error) => error.into(),
        TreeError::OutOfRange { size } => {
            Problem::field("?size", format!("is outside the log of {size} events"))
        }
        TreeError::TooLarge => Problem::field(
            "?size",
            format!("proofs are made for at most {PROOF_LEAVES_MAX} events"),
        ),
        TreeError::Unsound { seq } => {
            tracing::error!(seq, "the audit log is unsound");
            Problem::new(Code::AuditUnsound)
        }
        error => {
            tracing::error!(error = ?error, "a head of the audit log cannot be made");
            Problem::new(Code::Internal)
        }
    }
}

pub(super) fn of_bundle(error: BundleError) -> Problem {
    match error {
        BundleError::Tree(error) => of_tree(error),
        BundleError::NoSuchHead { size } => {
            Problem::field("?size", format!("no head of {size} events was signed"))
        }
        BundleError::TooLarge => Problem::field(
            "?size",
            format!("a bundle has at most {RECORDS_MAX} events; end with an earlier head"),
        ),
        BundleError::Empty => Problem::not_found(),
    }
}
