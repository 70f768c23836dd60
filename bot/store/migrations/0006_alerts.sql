-- Where a server is told that a feed broke or is back; NULL: in each channel that follows the feed.
ALTER TABLE server ADD COLUMN alerts INTEGER REFERENCES channel (id) ON DELETE SET NULL;
