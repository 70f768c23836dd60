-- Who had everything deleted leaves no row with their id, and yet an old reaction brings no bookmark back.
CREATE TABLE let_go (                          -- somebody let go of an article
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    mark       BLOB NOT NULL,                  -- a salt and one byte of a hash of it with the person's id
    PRIMARY KEY (article_id, mark)
) STRICT, WITHOUT ROWID;
