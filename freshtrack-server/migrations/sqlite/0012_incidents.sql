-- Alerts with one cause. `outages` is what the engine needs of an organization, as JSON with a version;
-- `incident` is the record, open and closed, and `body` the whole incident as JSON.

CREATE TABLE outages (
    org_key INTEGER NOT NULL PRIMARY KEY REFERENCES organization (key),
    body    TEXT    NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE incident (
    key       INTEGER PRIMARY KEY,
    org_key   INTEGER NOT NULL REFERENCES organization (key),
    id        BLOB    NOT NULL,
    site_key  INTEGER REFERENCES site (key),
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    body      TEXT    NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE INDEX incident_opened ON incident (org_key, opened_at, id);
