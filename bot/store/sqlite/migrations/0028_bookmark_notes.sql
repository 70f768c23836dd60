-- What people write beside a bookmark, how they sort it, and when they had read it.
ALTER TABLE bookmark ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE bookmark ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE bookmark ADD COLUMN read INTEGER;
