-- The File Service: folders, files as users see them, uploads in blocks, commits, and the tokens of devices.

CREATE TABLE folders (
    folder_id text CONSTRAINT pk_folders PRIMARY KEY,
    owner text NOT NULL,
    parent_id text CONSTRAINT fk_folders_parent_id_folders REFERENCES folders (folder_id),
    name text NOT NULL,
    name_key text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_folders_owner_parent_id_name_key UNIQUE NULLS NOT DISTINCT (owner, parent_id, name_key)
);
COMMENT ON COLUMN folders.parent_id IS 'NULL at the top.';
COMMENT ON COLUMN folders.name_key IS 'The name without its case: two names with one key are the same name.';
CREATE INDEX ix_folders_parent_id ON folders (parent_id);

CREATE TABLE file_entries (
    file_id text CONSTRAINT pk_file_entries PRIMARY KEY
        CONSTRAINT fk_file_entries_file_id_files REFERENCES files (file_id),
    owner text NOT NULL,
    folder_id text CONSTRAINT fk_file_entries_folder_id_folders REFERENCES folders (folder_id),
    name text NOT NULL,
    name_key text NOT NULL,
    deleted_at timestamptz,
    released_at timestamptz,
    CONSTRAINT ck_file_entries_released_at CHECK (released_at IS NULL OR deleted_at IS NOT NULL),
    CONSTRAINT ck_file_entries_folder_id CHECK (deleted_at IS NULL OR folder_id IS NULL)
);
COMMENT ON TABLE file_entries IS 'Where a file of the File Service is shown; files put there by S3 tools have none.';
COMMENT ON COLUMN file_entries.released_at IS 'When the blocks of a deleted file were released.';
CREATE UNIQUE INDEX ix_file_entries_owner_folder_id_name_key ON file_entries (owner, folder_id, name_key)
    NULLS NOT DISTINCT WHERE deleted_at IS NULL;
CREATE INDEX ix_file_entries_folder_id ON file_entries (folder_id);
CREATE INDEX ix_file_entries_unreleased ON file_entries (file_id) WHERE deleted_at IS NOT NULL AND released_at IS NULL;

CREATE TABLE file_commits (
    file_version_id text CONSTRAINT pk_file_commits PRIMARY KEY
        CONSTRAINT fk_file_commits_file_version_id_file_versions REFERENCES file_versions (file_version_id),
    name text NOT NULL,
    content_digest text NOT NULL,
    block_count integer NOT NULL,
    content_type text NOT NULL,
    title text NOT NULL,
    tags text[] NOT NULL,
    manifest_at timestamptz,
    CONSTRAINT ck_file_commits_content_digest CHECK (content_digest ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE file_commits IS 'What was said with a version that came in blocks; its row is the commit.';
COMMENT ON COLUMN file_commits.manifest_at IS 'When the upload manifest, whose event starts the run, was written.';
CREATE INDEX ix_file_commits_unannounced ON file_commits (file_version_id) WHERE manifest_at IS NULL;

CREATE TABLE upload_sessions (
    session_id text CONSTRAINT pk_upload_sessions PRIMARY KEY,
    owner text NOT NULL,
    folder_id text,
    name text NOT NULL,
    name_key text NOT NULL,
    size_bytes bigint NOT NULL,
    blocks bytea NOT NULL,
    block_count integer NOT NULL,
    content_digest text NOT NULL,
    content_type text NOT NULL,
    title text NOT NULL,
    tags text[] NOT NULL,
    state text NOT NULL DEFAULT 'open',
    announced integer NOT NULL DEFAULT 1,
    checked integer NOT NULL DEFAULT 0,
    file_version_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_upload_sessions_state CHECK (state IN ('open', 'committed')),
    CONSTRAINT ck_upload_sessions_file_version_id CHECK ((state = 'committed') = (file_version_id IS NOT NULL))
);
COMMENT ON COLUMN upload_sessions.blocks IS 'The packed block list: 32 bytes of SHA-256 and 4 of size for each.';
-- Pages of it are read by their position: not compressed, so that only those are fetched.
ALTER TABLE upload_sessions ALTER COLUMN blocks SET STORAGE EXTERNAL;
COMMENT ON COLUMN upload_sessions.announced IS 'How often; from the second time on, S3 is asked what was sent before.';
COMMENT ON COLUMN upload_sessions.checked IS 'How many blocks from the start were found stored, by S3''s own word.';
COMMENT ON COLUMN upload_sessions.used_at IS 'When somebody last went on with it; the sweep ends what lay idle.';
CREATE UNIQUE INDEX ix_upload_sessions_open ON upload_sessions (owner, folder_id, name_key, content_digest)
    NULLS NOT DISTINCT WHERE state = 'open';
CREATE INDEX ix_upload_sessions_used_at ON upload_sessions (used_at);

CREATE TABLE file_changes (
    sequence bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_file_changes PRIMARY KEY,
    owner text NOT NULL,
    kind text NOT NULL,
    id text NOT NULL,
    change text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_file_changes_kind CHECK (kind IN ('file', 'folder')),
    CONSTRAINT ck_file_changes_change CHECK (change IN ('created', 'changed', 'moved', 'deleted'))
);
CREATE INDEX ix_file_changes_owner_sequence ON file_changes (owner, sequence);

CREATE TABLE device_tokens (
    token_id text CONSTRAINT pk_device_tokens PRIMARY KEY,
    owner text NOT NULL,
    name text NOT NULL,
    token_sha256 text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    used_at timestamptz,
    CONSTRAINT uq_device_tokens_token_sha256 UNIQUE (token_sha256)
);
CREATE INDEX ix_device_tokens_owner ON device_tokens (owner);

CREATE TABLE idempotency_keys (
    owner text NOT NULL,
    idempotency_key text NOT NULL,
    request_sha256 text NOT NULL,
    resource_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (owner, idempotency_key)
);
COMMENT ON TABLE idempotency_keys IS 'What a request with this key made, so that its repetition makes nothing more.';
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
