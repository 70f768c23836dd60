-- Each process says how many of its shards are connected: the status page counts those of all.
ALTER TABLE process ADD COLUMN connected_shards INT NOT NULL DEFAULT 0;
