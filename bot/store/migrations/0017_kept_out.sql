-- Articles that a filter kept out of a channel which gets their page from another feed.
CREATE TABLE kept_out (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_out_article ON kept_out (article_id);

CREATE TRIGGER fate_past_filter AFTER UPDATE OF fate ON fate
WHEN old.fate = 'filtered' AND new.fate IS NOT 'filtered' AND new.article_id <> old.article_id
BEGIN
    INSERT OR IGNORE INTO kept_out (channel_id, article_id) VALUES (old.channel_id, old.article_id);
END;
