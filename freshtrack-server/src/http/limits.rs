//! How much of a request is read.

/// Body of the bulk ingest endpoint: 1 MiB.
pub const INGEST_BODY_BYTES_MAX: usize = 1 << 20;
/// Body of a network webhook: 256 KiB.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 256 << 10;
/// Body of everything else: 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// How much of a body that is too large is read and dropped before it is refused: 4 MiB.
pub const DROPPED_BYTES_MAX: usize = 4 << 20;

/// Most bytes that are read of a body sent to `path`.
#[must_use]
pub fn body_bytes_max(path: &str) -> usize {
    if path.starts_with("/api/v1/ingest/") {
        INGEST_BODY_BYTES_MAX
    } else if path.starts_with("/api/v1/ttn/") || path.starts_with("/api/v1/chirpstack/") {
        WEBHOOK_BODY_BYTES_MAX
    } else {
        BODY_BYTES_MAX
    }
}
