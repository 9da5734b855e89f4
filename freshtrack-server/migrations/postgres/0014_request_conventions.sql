-- Answers of requests that may be repeated, for a day. What was asked is kept as hashes only, and an
-- answer that shows a secret is not kept. `status` is NULL while the request is still running.
CREATE TABLE idempotent_request (
    caller      TEXT        NOT NULL,
    key_hash    BYTEA       NOT NULL,
    fingerprint BYTEA       NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    status      INTEGER,
    headers     TEXT        NOT NULL,
    body        BYTEA       NOT NULL,
    PRIMARY KEY (caller, key_hash)
);

CREATE INDEX idempotent_request_started ON idempotent_request (started_at);

-- Which key a key took over from.
ALTER TABLE api_key ADD COLUMN rotated_from UUID;

-- A connection that was removed: its messages stay, nobody is let in.
ALTER TABLE ttn_connection ADD COLUMN removed_at TIMESTAMPTZ;
