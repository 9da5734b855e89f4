-- What was measured and what it means. Temperatures are milli-degrees Celsius.

CREATE TABLE unit_monitor (
    unit_key      BIGINT NOT NULL PRIMARY KEY REFERENCES unit (key),
    org_key       BIGINT NOT NULL REFERENCES organization (key),
    body          TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    next_deadline TIMESTAMPTZ,
    stored_until  TIMESTAMPTZ,
    version       BIGINT NOT NULL
);

CREATE INDEX unit_monitor_due ON unit_monitor (next_deadline, unit_key) WHERE next_deadline IS NOT NULL;

-- The unique index is the series index and the duplicate check in one. `device_key` 0 is nobody.
-- A plain table that monthly RANGE partitions on recorded_at can take the place of: its key holds
-- recorded_at and nothing refers to it.
-- No UUID and no foreign key: both cost more per row than the row, and keys are looked up in the
-- transaction that inserts it. Codes of reported_unit, door, zone, source and bits of flags: `codes.rs`.
CREATE TABLE reading (
    unit_key        BIGINT      NOT NULL,
    recorded_at     TIMESTAMPTZ NOT NULL,
    device_key      BIGINT      NOT NULL,
    probe           SMALLINT    NOT NULL,
    org_key         BIGINT      NOT NULL,
    effective_at    TIMESTAMPTZ NOT NULL,
    received_at     TIMESTAMPTZ NOT NULL,
    temperature     INTEGER,
    raw_temperature INTEGER,
    reported_unit   SMALLINT    NOT NULL,
    humidity_centi  INTEGER,
    battery_percent SMALLINT,
    battery_mv      INTEGER,
    rssi_dbm        SMALLINT,
    snr_centi       INTEGER,
    door            SMALLINT,
    zone            SMALLINT,
    source          SMALLINT    NOT NULL,
    flags           SMALLINT    NOT NULL,
    PRIMARY KEY (unit_key, recorded_at, device_key, probe)
);

CREATE TABLE quarantined_reading (
    key         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit_key    BIGINT      NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    device_key  BIGINT      NOT NULL,
    probe       SMALLINT    NOT NULL,
    org_key     BIGINT      NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    reason      TEXT        NOT NULL,
    raw_value   TEXT        NOT NULL,
    UNIQUE (unit_key, recorded_at, device_key, probe)
);

CREATE INDEX quarantined_reading_org ON quarantined_reading (org_key, received_at);
CREATE INDEX quarantined_reading_unit ON quarantined_reading (unit_key, received_at);

CREATE TABLE door_event (
    key              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key          BIGINT      NOT NULL,
    unit_key         BIGINT      NOT NULL REFERENCES unit (key),
    device_key       BIGINT      NOT NULL,
    recorded_at      TIMESTAMPTZ NOT NULL,
    state            TEXT        NOT NULL,
    duration_seconds BIGINT
);

CREATE INDEX door_event_unit ON door_event (unit_key, recorded_at);

-- The columns are what lists filter by; `body` is the whole alert as JSON.
CREATE TABLE alert (
    key        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key    BIGINT      NOT NULL REFERENCES organization (key),
    id         UUID        NOT NULL,
    site_key   BIGINT      NOT NULL REFERENCES site (key),
    unit_key   BIGINT      NOT NULL REFERENCES unit (key),
    alert_type TEXT        NOT NULL,
    device_key BIGINT      NOT NULL,
    severity   TEXT        NOT NULL,
    status     TEXT        NOT NULL,
    raised_at  TIMESTAMPTZ NOT NULL,
    body       TEXT        NOT NULL,
    version    BIGINT      NOT NULL,
    UNIQUE (org_key, id)
);

CREATE UNIQUE INDEX alert_open ON alert (org_key, unit_key, alert_type, device_key)
    WHERE status <> 'resolved';
CREATE INDEX alert_raised ON alert (org_key, raised_at, id);
CREATE INDEX alert_unit ON alert (unit_key, raised_at, id);

CREATE TABLE alert_event (
    key       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key   BIGINT      NOT NULL,
    alert_key BIGINT      NOT NULL REFERENCES alert (key),
    at        TIMESTAMPTZ NOT NULL,
    kind      TEXT        NOT NULL,
    actor     TEXT        NOT NULL,
    details   TEXT        NOT NULL
);

CREATE INDEX alert_event_alert ON alert_event (alert_key, key);
