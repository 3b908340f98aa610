-- Announcing known blocks in half the time, as an upload that has nothing to send does nothing else.

-- A check of each row costs as much as the row. Leases are removed by garbage collection alone, with their rows, while
-- nobody adds any.
ALTER TABLE leased_blocks DROP CONSTRAINT fk_leased_blocks_lease_number_block_leases;

-- One wide index in place of two: by block, then lease. The rows of a lease are looked for when it ends.
ALTER TABLE leased_blocks DROP CONSTRAINT pk_leased_blocks;
ALTER TABLE leased_blocks ADD CONSTRAINT pk_leased_blocks PRIMARY KEY (block_id, lease_number);
DROP INDEX ix_leased_blocks_block_id;
CREATE INDEX ix_leased_blocks_lease_number ON leased_blocks (lease_number);
