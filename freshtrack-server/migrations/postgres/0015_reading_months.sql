-- Readings by month, so that a month that has been kept long enough goes without touching the others; what
-- keeps it nevertheless; and a second wall between organizations.

ALTER TABLE reading RENAME TO reading_whole;
ALTER INDEX reading_pkey RENAME TO reading_whole_pkey;

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
) PARTITION BY RANGE (recorded_at);

-- Takes what no month takes; `maintenance` moves it into a month of its own.
CREATE TABLE readings_default PARTITION OF reading DEFAULT;

-- Months that have readings, this month and three ahead; months begin in UTC.
DO $$
DECLARE
    month TIMESTAMP;
BEGIN
    FOR month IN
        SELECT DISTINCT date_trunc('month', recorded_at AT TIME ZONE 'UTC') FROM reading_whole
        UNION
        SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead)
        FROM generate_series(0, 3) AS ahead
    LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF reading FOR VALUES FROM (%L) TO (%L)',
            to_char(month, '"readings_y"YYYY"m"MM'),
            to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
            to_char(month + INTERVAL '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
    END LOOP;
END
$$;

INSERT INTO reading (unit_key, recorded_at, device_key, probe, org_key, effective_at, received_at,
                     temperature, raw_temperature, reported_unit, humidity_centi, battery_percent,
                     battery_mv, rssi_dbm, snr_centi, door, zone, source, flags)
SELECT unit_key, recorded_at, device_key, probe, org_key, effective_at, received_at,
       temperature, raw_temperature, reported_unit, humidity_centi, battery_percent,
       battery_mv, rssi_dbm, snr_centi, door, zone, source, flags
FROM reading_whole;

DROP TABLE reading_whole;

-- Months (year * 12 + month - 1) whose readings stay, whatever their age. Lifted holds stay on record.
CREATE TABLE legal_hold (
    id          UUID        NOT NULL PRIMARY KEY,
    first_month INTEGER     NOT NULL,
    last_month  INTEGER     NOT NULL,
    reason      TEXT        NOT NULL,
    placed_by   TEXT        NOT NULL,
    placed_at   TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ,
    lifted_by   TEXT,
    lifted_at   TIMESTAMPTZ,
    CHECK (first_month <= last_month)
);

-- Written by whatever makes backups, when one was restored or its checksums were verified.
CREATE TABLE backup_proof (
    at   TIMESTAMPTZ NOT NULL PRIMARY KEY,
    kind TEXT        NOT NULL CHECK (kind IN ('restore', 'checksum'))
);

-- The second wall: a transaction that names its organization sees and writes rows of no other, whatever its
-- statements forget. One that names none (commits over many organizations, the loops) is not narrowed.
-- Superusers and roles with BYPASSRLS stand above it; FORCE makes it hold for the owner of the tables.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'reading', 'quarantined_reading', 'door_event', 'alert', 'alert_event', 'audit_event',
        'audit_head', 'outbox_event', 'site', 'area', 'unit', 'unit_monitor', 'device', 'rule_set',
        'rule_history']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_organization ON %I USING (
                 (SELECT coalesce(current_setting(''freshtrack.org_key'', true), '''')) = ''''
                 OR org_key = (SELECT nullif(current_setting(''freshtrack.org_key'', true), '''')::BIGINT))',
            name);
    END LOOP;
END
$$;
