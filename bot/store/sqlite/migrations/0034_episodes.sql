-- Episodes of podcasts: where to listen to them, and how long they are, in seconds.
ALTER TABLE article ADD COLUMN audio TEXT;
ALTER TABLE article ADD COLUMN duration INTEGER;
