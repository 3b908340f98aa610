-- Known blocks are answered from the index alone: of a table that is larger than memory each row would be a read more.

ALTER TABLE block_references DROP CONSTRAINT fk_block_references_block_id_blocks;
ALTER TABLE blocks DROP CONSTRAINT pk_blocks;
ALTER TABLE blocks ADD CONSTRAINT pk_blocks PRIMARY KEY (block_id) INCLUDE (size_bytes, condemned_at, lost_at);
ALTER TABLE block_references ADD CONSTRAINT fk_block_references_block_id_blocks
    FOREIGN KEY (block_id) REFERENCES blocks (block_id);
