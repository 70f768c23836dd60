-- What a feed brings beyond its share, and its servers', is counted and not kept.
CREATE TABLE surplus (
    feed_id INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('entries', 'identities', 'changes')),
    since   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    entries INTEGER NOT NULL
) STRICT;

CREATE TABLE passed_over (                     -- entries that were not kept, while they are in the document
    feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    link    BLOB NOT NULL,                     -- by which /why finds them
    counted INTEGER NOT NULL,
    PRIMARY KEY (feed_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX passed_over_link ON passed_over (link);

ALTER TABLE article ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
