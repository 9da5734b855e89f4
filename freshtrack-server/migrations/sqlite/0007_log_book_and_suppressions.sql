-- What people write down and ask for, and what a unit went through. The columns are what lists filter
-- by; `body` is the whole record as JSON.

CREATE TABLE manual_log (
    key         INTEGER PRIMARY KEY,
    org_key     INTEGER NOT NULL REFERENCES organization (key),
    id          BLOB    NOT NULL,
    unit_key    INTEGER NOT NULL REFERENCES unit (key),
    recorded_at INTEGER NOT NULL,
    in_range    INTEGER NOT NULL,
    client_ref  TEXT,
    body        TEXT    NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (org_key, client_ref)
) STRICT;

CREATE INDEX manual_log_recorded ON manual_log (org_key, recorded_at, id);
CREATE INDEX manual_log_unit ON manual_log (unit_key, recorded_at, id);

CREATE TABLE corrective_action (
    key            INTEGER PRIMARY KEY,
    org_key        INTEGER NOT NULL REFERENCES organization (key),
    id             BLOB    NOT NULL,
    unit_key       INTEGER NOT NULL REFERENCES unit (key),
    alert_key      INTEGER REFERENCES alert (key),
    manual_log_key INTEGER REFERENCES manual_log (key),
    recorded_at    INTEGER NOT NULL,
    body           TEXT    NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE INDEX corrective_action_recorded ON corrective_action (org_key, recorded_at, id);
CREATE INDEX corrective_action_alert ON corrective_action (alert_key) WHERE alert_key IS NOT NULL;

-- `ends_at` is the planned end and never moves; `over_at` is the end as it is.
CREATE TABLE suppression (
    key       INTEGER PRIMARY KEY,
    org_key   INTEGER NOT NULL REFERENCES organization (key),
    id        BLOB    NOT NULL,
    scope     TEXT    NOT NULL,
    scope_id  BLOB    NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    over_at   INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE INDEX suppression_ends ON suppression (org_key, ends_at);
CREATE INDEX suppression_starts ON suppression (org_key, starts_at, id);

CREATE TABLE calibration (
    key           INTEGER PRIMARY KEY,
    org_key       INTEGER NOT NULL REFERENCES organization (key),
    id            BLOB    NOT NULL,
    device_key    INTEGER NOT NULL REFERENCES device (key),
    calibrated_at INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE INDEX calibration_device ON calibration (device_key, calibrated_at, id);

CREATE TABLE state_change (
    key      INTEGER PRIMARY KEY,
    org_key  INTEGER NOT NULL,
    unit_key INTEGER NOT NULL REFERENCES unit (key),
    at       INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;

CREATE INDEX state_change_unit ON state_change (unit_key, at, key);
