-- An article is found at its address by its page. Where its page is another than its address alone would give, an
-- index of these addresses finds it; one of all took as much room as the addresses.
ALTER TABLE article ADD COLUMN own_page INTEGER NOT NULL DEFAULT 0;
UPDATE article SET own_page = 1 WHERE page <> page_of(url);
DROP INDEX article_url;
CREATE INDEX article_own_page ON article (url) WHERE own_page;
