-- What people write down and ask for, and what a unit went through. The columns are what lists filter
-- by; `body` is the whole record as JSON.

CREATE TABLE manual_log (
    key         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key     BIGINT NOT NULL REFERENCES organization (key),
    id          UUID    NOT NULL,
    unit_key    BIGINT NOT NULL REFERENCES unit (key),
    recorded_at TIMESTAMPTZ NOT NULL,
    in_range    BOOLEAN NOT NULL,
    client_ref  TEXT,
    body        TEXT    NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (org_key, client_ref)
);

CREATE INDEX manual_log_recorded ON manual_log (org_key, recorded_at, id);
CREATE INDEX manual_log_unit ON manual_log (unit_key, recorded_at, id);

CREATE TABLE corrective_action (
    key            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key        BIGINT NOT NULL REFERENCES organization (key),
    id             UUID    NOT NULL,
    unit_key       BIGINT NOT NULL REFERENCES unit (key),
    alert_key      BIGINT REFERENCES alert (key),
    manual_log_key BIGINT REFERENCES manual_log (key),
    recorded_at    TIMESTAMPTZ NOT NULL,
    body           TEXT    NOT NULL,
    UNIQUE (org_key, id)
);

CREATE INDEX corrective_action_recorded ON corrective_action (org_key, recorded_at, id);
CREATE INDEX corrective_action_alert ON corrective_action (alert_key) WHERE alert_key IS NOT NULL;

-- `ends_at` is the planned end and never moves; `over_at` is the end as it is.
CREATE TABLE suppression (
    key       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key   BIGINT NOT NULL REFERENCES organization (key),
    id        UUID    NOT NULL,
    scope     TEXT    NOT NULL,
    scope_id  UUID    NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at   TIMESTAMPTZ NOT NULL,
    over_at   TIMESTAMPTZ NOT NULL,
    body      TEXT    NOT NULL,
    version   BIGINT NOT NULL,
    UNIQUE (org_key, id)
);

CREATE INDEX suppression_ends ON suppression (org_key, ends_at);
CREATE INDEX suppression_starts ON suppression (org_key, starts_at, id);

CREATE TABLE calibration (
    key           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key       BIGINT NOT NULL REFERENCES organization (key),
    id            UUID    NOT NULL,
    device_key    BIGINT NOT NULL REFERENCES device (key),
    calibrated_at TIMESTAMPTZ NOT NULL,
    body          TEXT    NOT NULL,
    UNIQUE (org_key, id)
);

CREATE INDEX calibration_device ON calibration (device_key, calibrated_at, id);

CREATE TABLE state_change (
    key      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key  BIGINT NOT NULL,
    unit_key BIGINT NOT NULL REFERENCES unit (key),
    at       TIMESTAMPTZ NOT NULL,
    body     TEXT    NOT NULL
);

CREATE INDEX state_change_unit ON state_change (unit_key, at, key);
