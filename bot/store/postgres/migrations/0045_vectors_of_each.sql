-- Each process that has an index of meanings of its own knows what that one holds.
ALTER TABLE encoded_article ADD COLUMN stamp TEXT COLLATE "C";  -- of the index
UPDATE encoded_article SET stamp = coalesce((SELECT value FROM meta WHERE name = 'vectors'), '');
ALTER TABLE encoded_article ALTER COLUMN stamp SET NOT NULL, DROP CONSTRAINT encoded_article_pkey,
    ADD PRIMARY KEY (article_id, stamp);
INSERT INTO meta (name, value)  -- when something was added to it last
SELECT 'vectors ' || value, extract(epoch FROM now())::BIGINT::TEXT FROM meta WHERE name = 'vectors';
DELETE FROM meta WHERE name = 'vectors';
