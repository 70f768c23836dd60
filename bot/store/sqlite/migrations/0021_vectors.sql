-- Vectors stand in files beside the database; here only which articles they are of.
DROP TRIGGER vector_outdated;
DROP TABLE vector;
DELETE FROM meta WHERE name = 'vectors_model';

CREATE TABLE encoded_article (                 -- articles whose vector is in the index of meanings
    article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
) STRICT;

CREATE TRIGGER encoded_article_outdated
AFTER UPDATE OF title, summary, text, body, page_text ON article
WHEN old.title <> new.title OR old.summary <> new.summary OR old.text <> new.text
  OR old.body IS NOT new.body OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
END;
