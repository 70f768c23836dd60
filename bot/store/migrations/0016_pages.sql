-- The pages of articles of which a feed gives only a teaser.
ALTER TABLE article ADD COLUMN page_text TEXT;         -- the article as its page has it, once that was read

CREATE TABLE reading (                                 -- of a page: one row an article that has it to be read
    article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL,
    wanted     INTEGER NOT NULL,                       -- when the article came
    news       INTEGER NOT NULL,                       -- 0: of a backlog, of which no watch is told
    due        INTEGER,                                -- when to try; NULL: it is over
    attempts   INTEGER NOT NULL DEFAULT 0,
    outcome    TEXT,                                   -- how the last attempt ended
    ended      INTEGER                                 -- and when
) STRICT;
CREATE INDEX reading_due ON reading (due) WHERE due IS NOT NULL;
CREATE INDEX reading_feed ON reading (feed_id, wanted);

DROP INDEX article_texts;
CREATE INDEX article_texts ON article (found)          -- what a clean-up may empty
    WHERE text <> '' OR summary <> '' OR page_text <> '';

DROP TRIGGER vector_outdated;
CREATE TRIGGER vector_outdated
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
  OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM vector WHERE article_id = new.id;
END;
