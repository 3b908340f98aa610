-- A document that the store refuses for good must not keep the others waiting.
ALTER TABLE outbox ADD COLUMN attempts integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN outbox.attempts IS 'How often the document store refused the document; such rows come last.';
CREATE INDEX ix_outbox_attempts_outbox_id ON outbox (attempts, outbox_id);
