-- Alerts with one cause. `outages` is what the engine needs of an organization, as JSON with a version;
-- `incident` is the record, open and closed, and `body` the whole incident as JSON.

CREATE TABLE outages (
    org_key BIGINT NOT NULL PRIMARY KEY REFERENCES organization (key),
    body    TEXT   NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE incident (
    key       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key   BIGINT      NOT NULL REFERENCES organization (key),
    id        UUID        NOT NULL,
    site_key  BIGINT REFERENCES site (key),
    opened_at TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ,
    body      TEXT        NOT NULL,
    UNIQUE (org_key, id)
);

CREATE INDEX incident_opened ON incident (org_key, opened_at, id);
