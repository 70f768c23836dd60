-- Each process that has an index of meanings of its own knows what that one holds.
DROP TRIGGER encoded_article_outdated;

CREATE TABLE encoded_by (
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    stamp      TEXT NOT NULL,                  -- of the index
    PRIMARY KEY (article_id, stamp)
) STRICT, WITHOUT ROWID;

INSERT INTO encoded_by (article_id, stamp)
SELECT article_id, coalesce((SELECT value FROM meta WHERE name = 'vectors'), '') FROM encoded_article;

DROP TABLE encoded_article;
ALTER TABLE encoded_by RENAME TO encoded_article;

CREATE TRIGGER encoded_article_outdated
AFTER UPDATE OF title, summary, text, body, page_text ON article
WHEN old.title <> new.title OR old.summary <> new.summary OR old.text <> new.text
  OR old.body IS NOT new.body OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
END;

INSERT INTO meta (name, value)  -- when something was added to it last
SELECT 'vectors ' || value, CAST(strftime('%s', 'now') AS TEXT) FROM meta WHERE name = 'vectors';
DELETE FROM meta WHERE name = 'vectors';
