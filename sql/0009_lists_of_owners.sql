-- A block that others refer to very often is looked for in the lists of the owner who asks about it.

CREATE INDEX ix_block_lists_owner_list_number ON block_lists (owner, list_number);
