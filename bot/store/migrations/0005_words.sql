CREATE TABLE completion (                      -- what a person may be typing: of recent articles, by feed
    feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('word', 'tag', 'author')),
    folded  TEXT NOT NULL,                     -- without accents and capitals; of a name from each word on
    written TEXT NOT NULL,
    uses    INTEGER NOT NULL,                  -- articles with it
    seen    INTEGER NOT NULL,                  -- when the last of them was published
    PRIMARY KEY (feed_id, kind, folded)
) STRICT, WITHOUT ROWID;
