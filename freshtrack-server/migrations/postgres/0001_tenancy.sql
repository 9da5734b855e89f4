-- Organizations and the people and machines that act in them.
-- Rows have a small integer key inside and a UUID at the edge.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Names this history of events: a restored or replaced database has another one, so that a client's
-- sequence number is never taken for one of a different history.
INSERT INTO meta (name, value) VALUES ('history_epoch', replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE organization (
    key              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id               UUID        NOT NULL UNIQUE,
    name             TEXT        NOT NULL,
    slug             TEXT        NOT NULL UNIQUE,
    timezone         TEXT        NOT NULL,
    display_unit     TEXT        NOT NULL CHECK (display_unit IN ('C', 'F')),
    simulator_alerts BOOLEAN     NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    version          BIGINT      NOT NULL
);

-- One row per organization; whoever writes for an organization holds it, so its sequences have no gaps.
CREATE TABLE organization_head (
    org_key    BIGINT NOT NULL PRIMARY KEY REFERENCES organization (key),
    outbox_seq BIGINT NOT NULL,
    audit_seq  BIGINT NOT NULL,
    audit_hash TEXT   NOT NULL
);

CREATE TABLE app_user (
    key        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         UUID        NOT NULL UNIQUE,
    issuer     TEXT        NOT NULL,
    subject    TEXT        NOT NULL,
    email      TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (issuer, subject)
);

CREATE TABLE membership (
    org_key    BIGINT      NOT NULL REFERENCES organization (key),
    user_key   BIGINT      NOT NULL REFERENCES app_user (key),
    role       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_key, user_key)
);

CREATE INDEX membership_user ON membership (user_key);

CREATE TABLE api_key (
    key          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key      BIGINT      NOT NULL REFERENCES organization (key),
    id           UUID        NOT NULL,
    name         TEXT        NOT NULL,
    prefix       TEXT        NOT NULL UNIQUE,
    secret_hash  BYTEA       NOT NULL,
    scopes       TEXT        NOT NULL,
    expires_at   TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    created_at   TIMESTAMPTZ NOT NULL,
    UNIQUE (org_key, id)
);
