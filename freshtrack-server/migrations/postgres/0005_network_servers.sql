-- LoRaWAN networks that call us, and the messages they sent, byte for byte until they are evaluated.

CREATE TABLE ttn_connection (
    key                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key            BIGINT      NOT NULL REFERENCES organization (key),
    id                 TEXT        NOT NULL UNIQUE,
    name               TEXT        NOT NULL,
    network            TEXT        NOT NULL,
    application        TEXT,
    domain             TEXT,
    secret_current     BYTEA,
    secret_next        BYTEA,
    current_expires_at TIMESTAMPTZ,
    enabled            BOOLEAN     NOT NULL,
    last_used_at       TIMESTAMPTZ,
    created_at         TIMESTAMPTZ NOT NULL
);

CREATE INDEX ttn_connection_org ON ttn_connection (org_key, key);

-- `id` is derived from `event_key`, the message's identity, so one index serves both. No headers: one
-- of them is a live credential.
CREATE TABLE lns_inbox (
    key             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key         BIGINT      NOT NULL REFERENCES organization (key),
    id              UUID        NOT NULL,
    connection_key  BIGINT      NOT NULL REFERENCES ttn_connection (key),
    event_key       BYTEA       NOT NULL,
    guard_digest    BYTEA,
    guard_nanos     BIGINT,
    network         TEXT        NOT NULL,
    kind            TEXT        NOT NULL,
    device          TEXT        NOT NULL,
    route           TEXT        NOT NULL,
    hint            TEXT        NOT NULL,
    arrived_at      TIMESTAMPTZ NOT NULL,
    body            BYTEA       NOT NULL,
    status          TEXT        NOT NULL CHECK (status IN ('received', 'processed', 'quarantined')),
    reason          TEXT,
    attempts        INTEGER     NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    UNIQUE (org_key, id)
);

CREATE INDEX lns_inbox_guard ON lns_inbox (guard_digest, guard_nanos) WHERE guard_digest IS NOT NULL;
CREATE INDEX lns_inbox_received ON lns_inbox (key) WHERE status = 'received';
CREATE INDEX lns_inbox_quarantined ON lns_inbox (org_key, key) WHERE status = 'quarantined';
