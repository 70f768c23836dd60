-- Why managers declined a proposed feed, in a line for those who proposed it; empty without one.
ALTER TABLE proposal ADD COLUMN decision_reason TEXT NOT NULL DEFAULT '';
