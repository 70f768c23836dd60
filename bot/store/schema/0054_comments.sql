-- The page with the discussion of an article, and how many comments it had when the feed was last read.
ALTER TABLE article ADD COLUMN comments_url TEXT;
ALTER TABLE article ADD COLUMN comment_count INT;
