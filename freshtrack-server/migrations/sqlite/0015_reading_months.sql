-- What keeps readings that have been kept long enough.

-- Months (year * 12 + month - 1) whose readings stay, whatever their age. Lifted holds stay on record.
CREATE TABLE legal_hold (
    id          BLOB    NOT NULL PRIMARY KEY,
    first_month INTEGER NOT NULL,
    last_month  INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    placed_by   TEXT    NOT NULL,
    placed_at   INTEGER NOT NULL,
    expires_at  INTEGER,
    lifted_by   TEXT,
    lifted_at   INTEGER,
    CHECK (first_month <= last_month)
) STRICT;

-- Written by whatever makes backups, when one was restored or its checksums were verified.
CREATE TABLE backup_proof (
    at   INTEGER NOT NULL PRIMARY KEY,
    kind TEXT    NOT NULL CHECK (kind IN ('restore', 'checksum'))
) STRICT;
