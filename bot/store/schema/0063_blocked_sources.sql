-- An operator blocks sources: domains with their subdomains, or parts of sites.
CREATE TABLE blocked_source (
    source     TEXT PRIMARY KEY,  -- such as news.example or news.example/blogs/jo
    domain     TEXT NOT NULL,
    blocked_at INT NOT NULL
);

CREATE INDEX blocked_source_domain ON blocked_source (domain);

ALTER TABLE feed ADD COLUMN blocked_since INT;  -- since when its source is blocked

DROP INDEX feed_due;
CREATE INDEX feed_due ON feed (next_poll) WHERE state = 'active' AND blocked_since IS NULL;
