-- A filter applies to one subscription, to a whole channel or to a whole server, and may end.
--[sqlite]
CREATE TABLE new_filter (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT NOT NULL,  -- in the search syntax, one line
    channel_id      INTEGER REFERENCES channel (id) ON DELETE CASCADE,
    server_id       INTEGER REFERENCES server (id) ON DELETE CASCADE,
    ends_at         INTEGER,  -- NULL: until it is removed
    UNIQUE (subscription_id, rule, query),
    UNIQUE (channel_id, rule, query),
    UNIQUE (server_id, rule, query),
    CHECK ((subscription_id IS NOT NULL) + (channel_id IS NOT NULL) + (server_id IS NOT NULL) = 1)
);
INSERT INTO new_filter (id, subscription_id, rule, query) SELECT id, subscription_id, rule, query FROM filter;
DROP TABLE filter;
ALTER TABLE new_filter RENAME TO filter;
--[postgres]
ALTER TABLE filter ALTER COLUMN subscription_id DROP NOT NULL;
ALTER TABLE filter ADD COLUMN channel_id BIGINT REFERENCES channel (id) ON DELETE CASCADE;
ALTER TABLE filter ADD COLUMN server_id BIGINT REFERENCES server (id) ON DELETE CASCADE;
ALTER TABLE filter ADD COLUMN ends_at BIGINT;
ALTER TABLE filter ADD UNIQUE (channel_id, rule, query);
ALTER TABLE filter ADD UNIQUE (server_id, rule, query);
ALTER TABLE filter ADD CHECK (num_nonnulls(subscription_id, channel_id, server_id) = 1);
--[both]
CREATE INDEX filter_ends_at ON filter (ends_at) WHERE ends_at IS NOT NULL;
