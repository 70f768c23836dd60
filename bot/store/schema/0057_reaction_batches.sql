-- Reactions to a feed's posts are counted in batches of at least three people, without their IDs. A batch never changes,
-- so that no two counts differ by what one or two people did.
CREATE TABLE reaction_batch (
    server_id      INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    feed_id        INT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL CHECK (kind IN ('saved', 'liked', 'disliked', 'muted')),
    starts_at      INT NOT NULL,  -- the midnight before its first reaction, in UTC
    ends_at        INT NOT NULL,  -- the midnight after its last reaction
    reaction_count INT NOT NULL,
    article_ids    TEXT NOT NULL,  -- JSON
    PRIMARY KEY (server_id, feed_id, kind, ends_at)
);

CREATE INDEX reaction_batch_feed ON reaction_batch (feed_id);

ALTER TABLE server ADD COLUMN reactions_batched_until INT;  -- the last midnight for which batches were made
