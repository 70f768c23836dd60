-- What a person is told by direct message, every day or every week.
CREATE TABLE personal_digest (
    channel_id INTEGER PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,  -- of direct messages
    server_id  INTEGER REFERENCES server (id) ON DELETE SET NULL,              -- where it was set up
    weekday    INTEGER CHECK (weekday BETWEEN 0 AND 6),                        -- Monday is 0; NULL: every day
    minute     INTEGER NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    time_zone  TEXT NOT NULL,
    feeds      TEXT NOT NULL,                  -- ids, as JSON; with no topics and watches: all that they see
    topics     TEXT NOT NULL,                  -- queries in the search syntax, as JSON
    watches    INTEGER NOT NULL CHECK (watches IN (0, 1)),  -- also what the person's watches look for
    paused     INTEGER,                        -- since when
    created    INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    covered    INTEGER                         -- until when the last one told of what came
) STRICT;

CREATE INDEX personal_digest_due ON personal_digest (due) WHERE paused IS NULL;
