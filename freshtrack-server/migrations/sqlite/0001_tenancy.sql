-- Organizations and the people and machines that act in them.
-- Times are microseconds since 1970 (UTC). Rows have a small integer key inside and a UUID at the edge.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Names this history of events: a restored or replaced database has another one, so that a client's
-- sequence number is never taken for one of a different history.
INSERT INTO meta (name, value) VALUES ('history_epoch', lower(hex(randomblob(16))));

CREATE TABLE organization (
    key              INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    slug             TEXT    NOT NULL UNIQUE,
    timezone         TEXT    NOT NULL,
    display_unit     TEXT    NOT NULL CHECK (display_unit IN ('C', 'F')),
    simulator_alerts INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL
) STRICT;

-- One row per organization; whoever writes for an organization holds it, so its sequences have no gaps.
CREATE TABLE organization_head (
    org_key    INTEGER NOT NULL PRIMARY KEY REFERENCES organization (key),
    outbox_seq INTEGER NOT NULL,
    audit_seq  INTEGER NOT NULL,
    audit_hash TEXT    NOT NULL
) STRICT;

CREATE TABLE app_user (
    key        INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    issuer     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    email      TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (issuer, subject)
) STRICT;

CREATE TABLE membership (
    org_key    INTEGER NOT NULL REFERENCES organization (key),
    user_key   INTEGER NOT NULL REFERENCES app_user (key),
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_key, user_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_user ON membership (user_key);

CREATE TABLE api_key (
    key          INTEGER PRIMARY KEY,
    org_key      INTEGER NOT NULL REFERENCES organization (key),
    id           BLOB    NOT NULL,
    name         TEXT    NOT NULL,
    prefix       TEXT    NOT NULL UNIQUE,
    secret_hash  BLOB    NOT NULL,
    scopes       TEXT    NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    created_at   INTEGER NOT NULL,
    UNIQUE (org_key, id)
) STRICT;
