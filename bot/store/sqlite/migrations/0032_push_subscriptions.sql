-- What was agreed with the hubs of feeds, which push what these publish (WebSub).
CREATE TABLE push_subscription (
    feed_id      INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    hub          TEXT NOT NULL,
    topic        TEXT NOT NULL,                -- what the feed is called there
    token        TEXT NOT NULL UNIQUE,         -- in the address that the hub calls
    secret       TEXT NOT NULL,                -- that the hub signs with
    due          INTEGER NOT NULL,             -- when to ask the hub, or ask it again
    asked        INTEGER,                      -- since when it is to verify
    leased_until INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    missed       INTEGER NOT NULL              -- 1: a poll found what it did not push
) STRICT;
