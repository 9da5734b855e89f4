-- Signed heads of the audit logs, kept for ever, and the public keys that signed them.

CREATE TABLE audit_key (
    key_id        TEXT        NOT NULL PRIMARY KEY,
    public_key    TEXT        NOT NULL,
    first_used_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE audit_head (
    org_key BIGINT      NOT NULL REFERENCES organization (key),
    size    BIGINT      NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    body    TEXT        NOT NULL,
    PRIMARY KEY (org_key, size)
);

CREATE TRIGGER audit_key_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_key
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only();

CREATE TRIGGER audit_head_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only();
