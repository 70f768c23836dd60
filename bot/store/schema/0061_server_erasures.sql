-- An operator may have all data of a server erased, as soon as the bot has left it.
ALTER TABLE server ADD COLUMN erasure_requested_at INT;
CREATE INDEX server_erasure ON server (erasure_requested_at) WHERE erasure_requested_at IS NOT NULL;
