-- What was measured and what it means. Temperatures are milli-degrees Celsius.

CREATE TABLE unit_monitor (
    unit_key      INTEGER NOT NULL PRIMARY KEY REFERENCES unit (key),
    org_key       INTEGER NOT NULL REFERENCES organization (key),
    body          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    next_deadline INTEGER,
    stored_until  INTEGER,
    version       INTEGER NOT NULL
) STRICT;

CREATE INDEX unit_monitor_due ON unit_monitor (next_deadline, unit_key) WHERE next_deadline IS NOT NULL;

-- The unique index is the series index and the duplicate check in one. `device_key` 0 is nobody.
-- No UUID and no foreign key: both cost more per row than the row, and keys are looked up in the
-- transaction that inserts it. Codes of reported_unit, door, zone, source and bits of flags: `codes.rs`.
CREATE TABLE reading (
    unit_key        INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    device_key      INTEGER NOT NULL,
    probe           INTEGER NOT NULL,
    org_key         INTEGER NOT NULL,
    effective_at    INTEGER NOT NULL,
    received_at     INTEGER NOT NULL,
    temperature     INTEGER,
    raw_temperature INTEGER,
    reported_unit   INTEGER NOT NULL,
    humidity_centi  INTEGER,
    battery_percent INTEGER,
    battery_mv      INTEGER,
    rssi_dbm        INTEGER,
    snr_centi       INTEGER,
    door            INTEGER,
    zone            INTEGER,
    source          INTEGER NOT NULL,
    flags           INTEGER NOT NULL,
    UNIQUE (unit_key, recorded_at, device_key, probe)
) STRICT;

CREATE TABLE quarantined_reading (
    key         INTEGER PRIMARY KEY,
    unit_key    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    device_key  INTEGER NOT NULL,
    probe       INTEGER NOT NULL,
    org_key     INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    raw_value   TEXT    NOT NULL,
    UNIQUE (unit_key, recorded_at, device_key, probe)
) STRICT;

CREATE INDEX quarantined_reading_org ON quarantined_reading (org_key, received_at);
CREATE INDEX quarantined_reading_unit ON quarantined_reading (unit_key, received_at);

CREATE TABLE door_event (
    key              INTEGER PRIMARY KEY,
    org_key          INTEGER NOT NULL,
    unit_key         INTEGER NOT NULL REFERENCES unit (key),
    device_key       INTEGER NOT NULL,
    recorded_at      INTEGER NOT NULL,
    state            TEXT    NOT NULL,
    duration_seconds INTEGER
) STRICT;

CREATE INDEX door_event_unit ON door_event (unit_key, recorded_at);

-- The columns are what lists filter by; `body` is the whole alert as JSON.
CREATE TABLE alert (
    key        INTEGER PRIMARY KEY,
    org_key    INTEGER NOT NULL REFERENCES organization (key),
    id         BLOB    NOT NULL,
    site_key   INTEGER NOT NULL REFERENCES site (key),
    unit_key   INTEGER NOT NULL REFERENCES unit (key),
    alert_type TEXT    NOT NULL,
    device_key INTEGER NOT NULL,
    severity   TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    raised_at  INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    UNIQUE (org_key, id)
) STRICT;

CREATE UNIQUE INDEX alert_open ON alert (org_key, unit_key, alert_type, device_key)
    WHERE status <> 'resolved';
CREATE INDEX alert_raised ON alert (org_key, raised_at, id);
CREATE INDEX alert_unit ON alert (unit_key, raised_at, id);

CREATE TABLE alert_event (
    key       INTEGER PRIMARY KEY,
    org_key   INTEGER NOT NULL,
    alert_key INTEGER NOT NULL REFERENCES alert (key),
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    details   TEXT    NOT NULL
) STRICT;

CREATE INDEX alert_event_alert ON alert_event (alert_key, key);
