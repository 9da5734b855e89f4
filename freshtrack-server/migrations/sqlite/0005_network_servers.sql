-- LoRaWAN networks that call us, and the messages they sent, byte for byte until they are evaluated.

CREATE TABLE ttn_connection (
    key                INTEGER PRIMARY KEY,
    org_key            INTEGER NOT NULL REFERENCES organization (key),
    id                 TEXT    NOT NULL UNIQUE,
    name               TEXT    NOT NULL,
    network            TEXT    NOT NULL,
    application        TEXT,
    domain             TEXT,
    secret_current     BLOB,
    secret_next        BLOB,
    current_expires_at INTEGER,
    enabled            INTEGER NOT NULL,
    last_used_at       INTEGER,
    created_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX ttn_connection_org ON ttn_connection (org_key, key);

-- `id` is derived from `event_key`, the message's identity, so one index serves both. No headers: one
-- of them is a live credential.
CREATE TABLE lns_inbox (
    key             INTEGER PRIMARY KEY,
    org_key         INTEGER NOT NULL REFERENCES organization (key),
    id              BLOB    NOT NULL,
    connection_key  INTEGER NOT NULL REFERENCES ttn_connection (key),
    event_key       BLOB    NOT NULL,
    guard_digest    BLOB,
    guard_nanos     INTEGER,
    network         TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    device          TEXT    NOT NULL,
    route           TEXT    NOT NULL,
    hint            TEXT    NOT NULL,
    arrived_at      INTEGER NOT NULL,
    body            BLOB    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('received', 'processed', 'quarantined')),
    reason          TEXT,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE INDEX lns_inbox_guard ON lns_inbox (guard_digest, guard_nanos) WHERE guard_digest IS NOT NULL;
CREATE INDEX lns_inbox_received ON lns_inbox (key) WHERE status = 'received';
CREATE INDEX lns_inbox_quarantined ON lns_inbox (org_key, key) WHERE status = 'quarantined';
