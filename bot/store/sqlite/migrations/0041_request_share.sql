-- How many requests to Discord each running process may have counted at once, of the one budget of all.
CREATE TABLE request_share (
    process  INTEGER PRIMARY KEY,   -- a number drawn at its start; 0: all are held back
    slots    INTEGER NOT NULL,      -- requests that may count at once, in any window of a second
    need     INTEGER NOT NULL,      -- how many it could use
    refused  INTEGER NOT NULL,      -- answers of which too many get an address banned, in ten minutes
    until    INTEGER NOT NULL       -- when it lapses, in milliseconds by `database_time()`
) STRICT;
