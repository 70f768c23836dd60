-- What a channel posts, as feeds at an address that nobody can guess.
CREATE TABLE channel_feed (
    channel_id INTEGER PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,           -- of the secret in its addresses
    created    INTEGER NOT NULL
) STRICT;

ALTER TABLE assistant_token ADD COLUMN used INTEGER;  -- when an assistant last came with it, to the hour
