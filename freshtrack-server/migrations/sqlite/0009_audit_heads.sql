-- Signed heads of the audit logs, kept for ever, and the public keys that signed them.

CREATE TABLE audit_key (
    key_id        TEXT    NOT NULL PRIMARY KEY,
    public_key    TEXT    NOT NULL,
    first_used_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_head (
    org_key INTEGER NOT NULL REFERENCES organization (key),
    size    INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (org_key, size)
) STRICT;

CREATE TRIGGER audit_key_is_never_changed BEFORE UPDATE ON audit_key
BEGIN
    SELECT RAISE(ABORT, 'keys of the audit log are append-only');
END;

CREATE TRIGGER audit_key_is_never_removed BEFORE DELETE ON audit_key
BEGIN
    SELECT RAISE(ABORT, 'keys of the audit log are append-only');
END;

CREATE TRIGGER audit_head_is_never_changed BEFORE UPDATE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'heads of the audit log are append-only');
END;

CREATE TRIGGER audit_head_is_never_removed BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'heads of the audit log are append-only');
END;
