-- Filters of a channel also apply in its threads.
ALTER TABLE channel ADD COLUMN parent_id INT;  -- of a thread: the channel that it belongs to; NULL: none, or unknown yet
