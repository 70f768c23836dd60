-- What channels want of their feeds, and how its posts look.
CREATE TABLE filter (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT NOT NULL,             -- in the search syntax, one line
    UNIQUE (subscription_id, rule, query)
) STRICT;

ALTER TABLE subscription ADD COLUMN look TEXT; -- JSON; NULL: the server's
ALTER TABLE server ADD COLUMN look TEXT;       -- JSON; NULL: as Telex has it
ALTER TABLE dispatch ADD COLUMN look TEXT;     -- JSON: that of its message since it was claimed; NULL likewise
