CREATE TABLE article_change (                   -- what the search index follows: the last changes of articles
    id         INTEGER PRIMARY KEY,
    mark       INTEGER NOT NULL DEFAULT (random()),  -- only this change of this database has it
    article_id INTEGER NOT NULL                 -- new, changed or deleted
) STRICT;

CREATE TRIGGER article_added AFTER INSERT ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;

CREATE TRIGGER article_changed
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text, language, outlet, author, tags, image
ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
  OR old.page_text IS NOT new.page_text OR old.language IS NOT new.language OR old.outlet <> new.outlet
  OR old.author IS NOT new.author OR old.tags <> new.tags OR old.image IS NOT new.image
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;

CREATE TRIGGER article_deleted AFTER DELETE ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (old.id);
END;

INSERT INTO article_change (article_id) VALUES (0);
