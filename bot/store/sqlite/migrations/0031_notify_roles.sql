ALTER TABLE server ADD COLUMN notify_roles TEXT;  -- ids of roles that people may give themselves, with commas
