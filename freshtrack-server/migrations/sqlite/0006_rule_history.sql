-- Who changed which rule from what to what. `unit_type` is '' for rules of every type; a value that is
-- NULL was, or is from then on, inherited.
CREATE TABLE rule_history (
    key       INTEGER PRIMARY KEY AUTOINCREMENT,
    org_key   INTEGER NOT NULL REFERENCES organization (key),
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    scope     TEXT    NOT NULL,
    scope_id  BLOB    NOT NULL,
    unit_type TEXT    NOT NULL,
    field     TEXT    NOT NULL,
    old_value TEXT,
    new_value TEXT,
    note      TEXT
) STRICT;

CREATE INDEX rule_history_place ON rule_history (org_key, scope, scope_id, key);
