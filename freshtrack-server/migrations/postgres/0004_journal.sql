-- What a change leaves behind: its audit events and its outbox events, both numbered per organization.

CREATE TABLE audit_event (
    org_key       BIGINT      NOT NULL REFERENCES organization (key),
    seq           BIGINT      NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    actor         TEXT        NOT NULL,
    category      TEXT        NOT NULL,
    kind          TEXT        NOT NULL,
    severity      TEXT        NOT NULL,
    title         TEXT        NOT NULL,
    refs          TEXT        NOT NULL,
    data          TEXT        NOT NULL,
    previous_hash TEXT        NOT NULL,
    hash          TEXT        NOT NULL,
    PRIMARY KEY (org_key, seq)
);

CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only';
END
$$;

CREATE TRIGGER audit_event_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only();

CREATE TABLE outbox_event (
    org_key     BIGINT      NOT NULL REFERENCES organization (key),
    seq         BIGINT      NOT NULL,
    kind        TEXT        NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    site_id     UUID,
    unit_id     UUID,
    alert_id    UUID,
    user_id     UUID,
    payload     TEXT        NOT NULL,
    PRIMARY KEY (org_key, seq)
);
