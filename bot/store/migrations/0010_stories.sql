-- Stories: an event that several feeds tell of is one post in a channel.
ALTER TABLE fate ADD COLUMN joined_id INTEGER REFERENCES dispatch (id)  -- the post it joined
    CHECK ((joined_id IS NOT NULL) = (fate IS 'joined'));
ALTER TABLE fate ADD COLUMN shown INTEGER;             -- when that post's message first named it
CREATE INDEX fate_joined ON fate (joined_id) WHERE joined_id IS NOT NULL;

ALTER TABLE dispatch ADD COLUMN edited INTEGER;        -- when its message was last edited

CREATE TABLE kinship (                                 -- articles that seem to tell of one event
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    other_id   INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,  -- the one that came before
    likeness   REAL NOT NULL,
    PRIMARY KEY (article_id, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX kinship_other ON kinship (other_id);
