-- Blocks of uploaded files: what is stored, who holds it, what consists of it.

CREATE TABLE blocks (
    block_id bytea CONSTRAINT pk_blocks PRIMARY KEY,
    size_bytes integer NOT NULL,
    lease_number bigint NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    condemned_at timestamptz,
    lost_at timestamptz,
    CONSTRAINT ck_blocks_block_id CHECK (octet_length(block_id) = 32),
    CONSTRAINT ck_blocks_size_bytes CHECK (size_bytes BETWEEN 1 AND 4194304)
);
COMMENT ON TABLE blocks IS 'Blocks whose SHA-256 and length the store itself reported.';
COMMENT ON COLUMN blocks.block_id IS 'SHA-256 of the bytes.';
COMMENT ON COLUMN blocks.lease_number IS 'Under which lease its object was put: with the id it makes the object''s key.';
COMMENT ON COLUMN blocks.condemned_at IS 'When garbage collection found nothing that holds it.';
COMMENT ON COLUMN blocks.lost_at IS 'When its object was found missing or corrupt; the next upload of it replaces the object.';
CREATE INDEX ix_blocks_condemned_at ON blocks (condemned_at) WHERE condemned_at IS NOT NULL;
CREATE INDEX ix_blocks_lost_at ON blocks (lost_at) WHERE lost_at IS NOT NULL;

CREATE TABLE block_leases (
    lease_number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_block_leases PRIMARY KEY,
    lease_id text NOT NULL CONSTRAINT uq_block_leases_lease_id UNIQUE,
    owner text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN block_leases.lease_number IS 'Never used again, so neither is the key of an object.';
CREATE INDEX ix_block_leases_expires_at ON block_leases (expires_at);

CREATE TABLE leased_blocks (
    lease_number bigint NOT NULL
        CONSTRAINT fk_leased_blocks_lease_number_block_leases REFERENCES block_leases (lease_number)
        ON DELETE CASCADE,
    block_id bytea NOT NULL,
    put_given boolean NOT NULL,
    proven boolean NOT NULL,
    CONSTRAINT pk_leased_blocks PRIMARY KEY (lease_number, block_id),
    CONSTRAINT ck_leased_blocks_proven CHECK (put_given OR proven)
);
COMMENT ON COLUMN leased_blocks.put_given IS 'An object may have been put under the key of this lease and block.';
COMMENT ON COLUMN leased_blocks.proven IS 'The owner has shown to have the bytes.';
CREATE INDEX ix_leased_blocks_block_id ON leased_blocks (block_id);

CREATE TABLE block_lists (
    list_number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_block_lists PRIMARY KEY,
    reference_id text NOT NULL CONSTRAINT uq_block_lists_reference_id UNIQUE,
    owner text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE block_lists IS 'Whatever consists of blocks: file versions.';

CREATE TABLE block_references (
    list_number bigint NOT NULL
        CONSTRAINT fk_block_references_list_number_block_lists REFERENCES block_lists (list_number)
        ON DELETE CASCADE,
    position integer NOT NULL,
    block_id bytea NOT NULL CONSTRAINT fk_block_references_block_id_blocks REFERENCES blocks (block_id),
    CONSTRAINT pk_block_references PRIMARY KEY (list_number, position)
);
-- References to a block are counted, not kept as a number that may drift.
CREATE INDEX ix_block_references_block_id_list_number ON block_references (block_id, list_number);

CREATE TABLE discarded_blocks (
    block_id bytea NOT NULL,
    lease_number bigint NOT NULL,
    CONSTRAINT pk_discarded_blocks PRIMARY KEY (lease_number, block_id)
);
COMMENT ON TABLE discarded_blocks IS 'Objects that nothing holds and that are to be removed; a row goes once its object is gone.';
