-- Titles in an index of their own: the lists of their words are a tenth as long as those of texts.
CREATE VIRTUAL TABLE title_terms USING fts5 (
    title, content = '', detail = 'none', columnsize = 0, tokenize = "unicode61 remove_diacritics 0"
);
-- So that it is filled:
DELETE FROM meta WHERE name = 'terms_version';
-- What search filters by, without the texts:
CREATE INDEX article_facts ON article (id, feed_id, published);
