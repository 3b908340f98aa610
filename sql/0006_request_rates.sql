-- How often each owner asks the File Service, over all of its processes.

CREATE UNLOGGED TABLE request_rates (
    owner text CONSTRAINT pk_request_rates PRIMARY KEY,
    saved double precision NOT NULL,
    asked_at timestamptz NOT NULL
);
COMMENT ON TABLE request_rates IS 'Unlogged: after a crash of the server everybody has everything saved up again.';
COMMENT ON COLUMN request_rates.saved IS 'Requests that the owner may send at once, as of asked_at.';
