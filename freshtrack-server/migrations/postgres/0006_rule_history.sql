-- Who changed which rule from what to what. `unit_type` is '' for rules of every type; a value that is
-- NULL was, or is from then on, inherited.
CREATE TABLE rule_history (
    key       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key   BIGINT      NOT NULL REFERENCES organization (key),
    at        TIMESTAMPTZ NOT NULL,
    actor     TEXT        NOT NULL,
    scope     TEXT        NOT NULL,
    scope_id  UUID        NOT NULL,
    unit_type TEXT        NOT NULL,
    field     TEXT        NOT NULL,
    old_value TEXT,
    new_value TEXT,
    note      TEXT
);

CREATE INDEX rule_history_place ON rule_history (org_key, scope, scope_id, key);
