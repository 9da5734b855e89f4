-- The archive: what is kept but out of use. `archive_batch` names what was archived together. The
-- `name_folded` of an archived row ends in a line break and its batch, so that its name is free, and
-- its DevEUI stands aside for the same reason. `details` is what people say of a place, as JSON.

ALTER TABLE site ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE site ADD COLUMN updated_at TIMESTAMPTZ;
ALTER TABLE site ADD COLUMN archived_at TIMESTAMPTZ;
ALTER TABLE site ADD COLUMN archived_by UUID;
ALTER TABLE site ADD COLUMN archive_batch UUID;
UPDATE site SET updated_at = created_at;

ALTER TABLE area ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE area ADD COLUMN updated_at TIMESTAMPTZ;
ALTER TABLE area ADD COLUMN archived_at TIMESTAMPTZ;
ALTER TABLE area ADD COLUMN archived_by UUID;
ALTER TABLE area ADD COLUMN archive_batch UUID;
UPDATE area SET updated_at = created_at;

ALTER TABLE unit ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE unit ADD COLUMN updated_at TIMESTAMPTZ;
ALTER TABLE unit ADD COLUMN archived_at TIMESTAMPTZ;
ALTER TABLE unit ADD COLUMN archived_by UUID;
ALTER TABLE unit ADD COLUMN archive_batch UUID;
UPDATE unit SET updated_at = created_at;

ALTER TABLE device ADD COLUMN updated_at TIMESTAMPTZ;
ALTER TABLE device ADD COLUMN archived_at TIMESTAMPTZ;
ALTER TABLE device ADD COLUMN archived_by UUID;
ALTER TABLE device ADD COLUMN archive_batch UUID;
ALTER TABLE device ADD COLUMN archived_eui TEXT;
UPDATE device SET updated_at = created_at;
