-- What a change leaves behind: its audit events and its outbox events, both numbered per organization.

CREATE TABLE audit_event (
    org_key       INTEGER NOT NULL REFERENCES organization (key),
    seq           INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    category      TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    severity      TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    refs          TEXT    NOT NULL,
    data          TEXT    NOT NULL,
    previous_hash TEXT    NOT NULL,
    hash          TEXT    NOT NULL,
    PRIMARY KEY (org_key, seq)
) STRICT;

CREATE TRIGGER audit_event_is_never_changed BEFORE UPDATE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_event_is_never_removed BEFORE DELETE ON audit_event
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TABLE outbox_event (
    org_key     INTEGER NOT NULL REFERENCES organization (key),
    seq         INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    site_id     BLOB,
    unit_id     BLOB,
    alert_id    BLOB,
    user_id     BLOB,
    payload     TEXT    NOT NULL,
    PRIMARY KEY (org_key, seq)
) STRICT;
