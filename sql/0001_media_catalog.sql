-- Files, their versions, the assets made of them, and the runs that made them.
-- PostgreSQL is the truth; the document store holds a view that is rebuilt from here.

CREATE TABLE files (
    file_id text CONSTRAINT pk_files PRIMARY KEY,
    bucket text NOT NULL,
    key text NOT NULL,
    owner text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_files_bucket_key UNIQUE (bucket, key)
);
COMMENT ON COLUMN files.owner IS 'Who uploaded the file first; empty where the upload did not say.';

CREATE TABLE file_versions (
    file_version_id text CONSTRAINT pk_file_versions PRIMARY KEY,
    file_id text NOT NULL CONSTRAINT fk_file_versions_file_id_files REFERENCES files (file_id),
    sequence bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT uq_file_versions_sequence UNIQUE,
    s3_version text NOT NULL,
    versioned boolean NOT NULL,
    size_bytes bigint NOT NULL,
    uploaded_at timestamptz NOT NULL,
    sha256 text,
    source jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_file_versions_file_id_s3_version UNIQUE (file_id, s3_version),
    CONSTRAINT ck_file_versions_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_file_versions_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON COLUMN file_versions.sequence IS 'Order in which the catalog met the versions; decides where uploaded_at ties.';
COMMENT ON COLUMN file_versions.source IS 'What the probe found; NULL until it ran.';
CREATE INDEX ix_file_versions_file_id_uploaded_at ON file_versions (file_id, uploaded_at, sequence);

CREATE TABLE assets (
    asset_id text CONSTRAINT pk_assets PRIMARY KEY,
    file_id text NOT NULL CONSTRAINT fk_assets_file_id_files REFERENCES files (file_id),
    title text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'processing',
    reason text NOT NULL DEFAULT '',
    current_version_id text,
    current_file_version_id text
        CONSTRAINT fk_assets_current_file_version_id_file_versions REFERENCES file_versions (file_version_id),
    current_run_sequence bigint,
    revision bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_assets_file_id UNIQUE (file_id),
    CONSTRAINT ck_assets_status CHECK (status IN ('processing', 'published', 'failed', 'rejected')),
    CONSTRAINT ck_assets_current CHECK (
        (current_version_id IS NULL) = (current_file_version_id IS NULL)
        AND (current_version_id IS NULL) = (current_run_sequence IS NULL)
    )
);
COMMENT ON COLUMN assets.current_version_id IS 'The version that plays; setting it is the switch.';
COMMENT ON COLUMN assets.current_file_version_id IS 'The newest upload for which current_version_id was published.';
COMMENT ON COLUMN assets.current_run_sequence IS 'Sequence that the publishing run had when it switched.';
COMMENT ON COLUMN assets.revision IS 'Grows with every change that the document shows.';
-- Prefixes of ids are looked up whatever the database's collation.
CREATE INDEX ix_assets_asset_id_prefix ON assets (asset_id text_pattern_ops);
CREATE INDEX ix_assets_status_updated_at ON assets (status, updated_at);
CREATE INDEX ix_assets_updated_at ON assets (updated_at);

CREATE SEQUENCE run_sequence AS bigint;

CREATE TABLE runs (
    run_id text CONSTRAINT pk_runs PRIMARY KEY,
    dag_id text NOT NULL,
    asset_id text NOT NULL CONSTRAINT fk_runs_asset_id_assets REFERENCES assets (asset_id),
    file_version_id text NOT NULL
        CONSTRAINT fk_runs_file_version_id_file_versions REFERENCES file_versions (file_version_id),
    sequence bigint NOT NULL DEFAULT nextval('run_sequence'),
    profile text NOT NULL,
    profile_digest text NOT NULL,
    status text NOT NULL DEFAULT 'processing',
    reason text NOT NULL DEFAULT '',
    version_id text,
    attempt integer NOT NULL DEFAULT 1,
    percent_floor double precision NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT uq_runs_sequence UNIQUE (sequence),
    CONSTRAINT ck_runs_status CHECK (status IN ('processing', 'published', 'superseded', 'failed', 'rejected')),
    CONSTRAINT ck_runs_ended_at CHECK ((status = 'processing') = (ended_at IS NULL)),
    CONSTRAINT ck_runs_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_runs_percent_floor CHECK (percent_floor BETWEEN 0 AND 100)
);
COMMENT ON COLUMN runs.sequence IS 'Order in which runs started; a run that is run again starts anew.';
COMMENT ON COLUMN runs.percent_floor IS 'Progress already shown, so that a part which joins later never takes it back.';
CREATE INDEX ix_runs_asset_id ON runs (asset_id);
CREATE INDEX ix_runs_file_version_id ON runs (file_version_id);

CREATE TABLE asset_versions (
    version_id text CONSTRAINT pk_asset_versions PRIMARY KEY,
    asset_id text NOT NULL CONSTRAINT fk_asset_versions_asset_id_assets REFERENCES assets (asset_id),
    file_version_id text NOT NULL
        CONSTRAINT fk_asset_versions_file_version_id_file_versions REFERENCES file_versions (file_version_id),
    run_id text NOT NULL CONSTRAINT fk_asset_versions_run_id_runs REFERENCES runs (run_id),
    profile text NOT NULL,
    profile_digest text NOT NULL,
    source_sha256 text NOT NULL,
    prefix text NOT NULL,
    hls text NOT NULL,
    dash text NOT NULL,
    poster text,
    thumbnails jsonb NOT NULL DEFAULT '{}',
    duration_s text NOT NULL,
    report jsonb NOT NULL DEFAULT '{}',
    published_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_asset_versions_asset_id_version_id UNIQUE (asset_id, version_id)
);
COMMENT ON COLUMN asset_versions.duration_s IS 'Exact: a decimal number or a fraction, as text.';
-- An asset can only play a version of its own; likewise a run.
ALTER TABLE assets ADD CONSTRAINT fk_assets_current_version_id_asset_versions
    FOREIGN KEY (asset_id, current_version_id) REFERENCES asset_versions (asset_id, version_id);
ALTER TABLE runs ADD CONSTRAINT fk_runs_version_id_asset_versions
    FOREIGN KEY (asset_id, version_id) REFERENCES asset_versions (asset_id, version_id);

CREATE TABLE renditions (
    rendition_key text CONSTRAINT pk_renditions PRIMARY KEY,
    kind text NOT NULL,
    codec_string text NOT NULL,
    container text NOT NULL,
    width integer,
    height integer,
    frame_rate text,
    channels integer,
    sample_rate_hz integer,
    language text,
    bandwidth_bps bigint NOT NULL,
    average_bandwidth_bps bigint NOT NULL,
    bytes bigint NOT NULL,
    segments integer NOT NULL,
    prefix text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_renditions_kind CHECK (kind IN ('video', 'audio', 'text'))
);
COMMENT ON TABLE renditions IS 'Immutable, and shared by every version that uses them.';

CREATE TABLE asset_version_renditions (
    version_id text NOT NULL
        CONSTRAINT fk_asset_version_renditions_version_id_asset_versions REFERENCES asset_versions (version_id),
    rendition_key text NOT NULL
        CONSTRAINT fk_asset_version_renditions_rendition_key_renditions REFERENCES renditions (rendition_key),
    position integer NOT NULL,
    CONSTRAINT pk_asset_version_renditions PRIMARY KEY (version_id, rendition_key)
);
CREATE INDEX ix_asset_version_renditions_rendition_key ON asset_version_renditions (rendition_key);

CREATE TABLE run_progress (
    run_id text NOT NULL CONSTRAINT fk_run_progress_run_id_runs REFERENCES runs (run_id),
    step text NOT NULL,
    part text NOT NULL,
    done double precision NOT NULL,
    total double precision NOT NULL,
    unit text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_run_progress PRIMARY KEY (run_id, step, part),
    CONSTRAINT ck_run_progress_done CHECK (done >= 0),
    CONSTRAINT ck_run_progress_total CHECK (total >= 0)
);

CREATE TABLE tool_runs (
    run_id text NOT NULL CONSTRAINT fk_tool_runs_run_id_runs REFERENCES runs (run_id),
    attempt integer NOT NULL,
    step text NOT NULL,
    part text NOT NULL,
    command text NOT NULL,
    versions jsonb NOT NULL,
    log_key text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_tool_runs PRIMARY KEY (run_id, attempt, step, part)
);
COMMENT ON TABLE tool_runs IS 'The exact command of each media tool and where its full log lies.';

CREATE TABLE outbox (
    outbox_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_outbox PRIMARY KEY,
    asset_id text NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE outbox IS 'Assets whose document has to be written again; a row goes once the document is written.';
