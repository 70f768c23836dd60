-- What articles mean, as the encoder of the extra `semantic` tells it. Empty without the extra.

CREATE TABLE vector (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were written
    article_id INTEGER NOT NULL UNIQUE REFERENCES article (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL,                   -- as in article, so that both stand in the index below
    published  INTEGER NOT NULL,
    signs      BLOB NOT NULL,                      -- a bit a dimension: what is compared first
    vector     BLOB NOT NULL                       -- a byte a dimension: what is compared then
) STRICT;
CREATE INDEX vector_signs ON vector (id, article_id, feed_id, published, signs);  -- read whole, a tenth of the table

-- An article whose words changed is encoded anew.
CREATE TRIGGER vector_outdated AFTER UPDATE OF feed_id, published, title, summary, text, body ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
BEGIN
    DELETE FROM vector WHERE article_id = new.id;
END;
