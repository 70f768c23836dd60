-- When a server was told how to begin; those that were there before are not told any more.
ALTER TABLE server ADD COLUMN welcomed INTEGER;
UPDATE server SET welcomed = joined;
