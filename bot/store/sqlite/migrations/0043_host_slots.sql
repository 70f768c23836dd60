-- Which of the slots that processes share a feed's host is on; NULL: not told yet, for its address may be encrypted.
ALTER TABLE feed ADD COLUMN slot INTEGER;

CREATE INDEX feed_without_slot ON feed (id) WHERE slot IS NULL;
