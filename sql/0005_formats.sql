-- Several containers of one version, and files to take away.

ALTER TABLE asset_versions ALTER COLUMN hls DROP NOT NULL;
ALTER TABLE asset_versions ALTER COLUMN dash DROP NOT NULL;
ALTER TABLE asset_versions ADD COLUMN other_manifests jsonb NOT NULL DEFAULT '{}';
ALTER TABLE asset_versions ADD COLUMN downloads jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN asset_versions.other_manifests IS 'Manifests of further containers: name, such as hls-ts, to key.';
COMMENT ON COLUMN asset_versions.downloads IS 'Files to take away: name to key. Each is a rendition as well.';

ALTER TABLE renditions DROP CONSTRAINT ck_renditions_kind;
ALTER TABLE renditions ADD CONSTRAINT ck_renditions_kind CHECK (kind IN ('video', 'audio', 'text', 'download'));
