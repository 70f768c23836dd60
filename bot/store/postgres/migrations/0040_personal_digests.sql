CREATE TABLE personal_digest (  -- what a person is told by direct message, every day or every week
    channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,  -- of direct messages
    server_id  BIGINT REFERENCES server (id) ON DELETE SET NULL,  -- where it was set up
    weekday    BIGINT CHECK (weekday BETWEEN 0 AND 6),  -- Monday is 0; NULL: every day
    minute     BIGINT NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    time_zone  TEXT COLLATE "C" NOT NULL,
    feeds      TEXT COLLATE "C" NOT NULL,  -- ids, as JSON; with no topics and watches: all that they see
    topics     TEXT COLLATE "C" NOT NULL,  -- queries in the search syntax, as JSON
    watches    BIGINT NOT NULL CHECK (watches IN (0, 1)),  -- also what the person's watches look for
    paused     BIGINT,  -- since when
    created    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    covered    BIGINT  -- until when the last one told of what came
);

CREATE INDEX personal_digest_due ON personal_digest (due) WHERE paused IS NULL;
