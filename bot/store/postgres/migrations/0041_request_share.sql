-- How many requests to Discord each running process may have counted at once, of the one budget of all.
-- Unlogged: written several times a second, and empty after a crash does no harm.
CREATE UNLOGGED TABLE request_share (
    process  BIGINT PRIMARY KEY,    -- a number drawn at its start; 0: all are held back
    slots    BIGINT NOT NULL,       -- requests that may count at once, in any window of a second
    need     BIGINT NOT NULL,       -- how many it could use
    refused  BIGINT NOT NULL,       -- answers of which too many get an address banned, in ten minutes
    until    BIGINT NOT NULL        -- when it lapses, in milliseconds by `database_time()`
);
