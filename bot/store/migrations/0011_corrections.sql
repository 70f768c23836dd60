-- What publishers do to an article after it was posted.
ALTER TABLE article ADD COLUMN corrected INTEGER;      -- when what a post shows of it first changed
ALTER TABLE article ADD COLUMN missing_since INTEGER;  -- its feed no longer shows it among what is older
ALTER TABLE article ADD COLUMN retracted INTEGER;      -- and it stayed away
CREATE INDEX article_missing ON article (missing_since) WHERE missing_since IS NOT NULL;
