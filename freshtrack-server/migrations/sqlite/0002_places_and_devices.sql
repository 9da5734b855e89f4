-- Where things stand and what measures them. `name_folded` is the lower-case name: names are unique
-- whatever their case, in every alphabet, which the database's own folding does not promise.

CREATE TABLE site (
    key                        INTEGER PRIMARY KEY,
    org_key                    INTEGER NOT NULL REFERENCES organization (key),
    id                         BLOB    NOT NULL,
    name                       TEXT    NOT NULL,
    name_folded                TEXT    NOT NULL,
    timezone                   TEXT    NOT NULL,
    corrective_action_required INTEGER NOT NULL,
    created_at                 INTEGER NOT NULL,
    version                    INTEGER NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (org_key, name_folded)
) STRICT;

CREATE TABLE area (
    key         INTEGER PRIMARY KEY,
    org_key     INTEGER NOT NULL REFERENCES organization (key),
    id          BLOB    NOT NULL,
    site_key    INTEGER NOT NULL REFERENCES site (key),
    name        TEXT    NOT NULL,
    name_folded TEXT    NOT NULL,
    sort_order  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (site_key, name_folded)
) STRICT;

CREATE INDEX area_site ON area (site_key, id);

CREATE TABLE unit (
    key                   INTEGER PRIMARY KEY,
    org_key               INTEGER NOT NULL REFERENCES organization (key),
    id                    BLOB    NOT NULL,
    site_key              INTEGER NOT NULL REFERENCES site (key),
    area_key              INTEGER NOT NULL REFERENCES area (key),
    name                  TEXT    NOT NULL,
    name_folded           TEXT    NOT NULL,
    unit_type             TEXT    NOT NULL,
    monitoring_mode       TEXT    NOT NULL,
    monitoring_started_at INTEGER NOT NULL,
    created_at            INTEGER NOT NULL,
    version               INTEGER NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (area_key, name_folded)
) STRICT;

CREATE INDEX unit_site ON unit (site_key, id);

CREATE TABLE device (
    key                     INTEGER PRIMARY KEY,
    org_key                 INTEGER NOT NULL REFERENCES organization (key),
    id                      BLOB    NOT NULL,
    dev_eui                 TEXT,
    name                    TEXT    NOT NULL,
    kind                    TEXT    NOT NULL,
    transport               TEXT    NOT NULL,
    model                   TEXT,
    unit_key                INTEGER REFERENCES unit (key),
    is_primary              INTEGER NOT NULL,
    uplink_interval_seconds INTEGER,
    battery_low_mv          INTEGER NOT NULL,
    sentinel_temperatures   TEXT    NOT NULL,
    temperature_offset      INTEGER NOT NULL,
    calibration_due_at      INTEGER,
    last_seen_at            INTEGER,
    battery_percent         INTEGER,
    battery_mv              INTEGER,
    rssi_dbm                INTEGER,
    created_at              INTEGER NOT NULL,
    version                 INTEGER NOT NULL,
    UNIQUE (org_key, id),
    UNIQUE (org_key, dev_eui)
) STRICT;

CREATE INDEX device_unit ON device (unit_key, id) WHERE unit_key IS NOT NULL;
CREATE UNIQUE INDEX device_primary ON device (unit_key) WHERE is_primary;

-- Rule fields set at one scope; `unit_type` is '' for a set that holds for every type.
CREATE TABLE rule_set (
    org_key   INTEGER NOT NULL REFERENCES organization (key),
    scope     TEXT    NOT NULL,
    scope_id  BLOB    NOT NULL,
    unit_type TEXT    NOT NULL,
    fields    TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (org_key, scope, scope_id, unit_type)
) STRICT, WITHOUT ROWID;
