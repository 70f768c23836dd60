-- What is read of an article that was found, before it is known which of them are shown: their rows hold texts,
-- and take several pages each.
DROP INDEX article_facts;
CREATE INDEX article_facts ON article (id, feed_id, published, page);
