-- What the people of a server chose for it, and who changed what.
ALTER TABLE server ADD COLUMN language TEXT;          -- of posts; NULL: the one that Discord gives the server
ALTER TABLE server ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';  -- a name of the IANA database
ALTER TABLE server ADD COLUMN manager_role INTEGER;   -- may manage feeds beside those with Manage Server
ALTER TABLE channel ADD COLUMN language TEXT;         -- of posts; NULL: the server's
ALTER TABLE channel ADD COLUMN join_stories INTEGER NOT NULL DEFAULT 1 CHECK (join_stories IN (0, 1));

CREATE TABLE setting_change (
    id         INTEGER PRIMARY KEY,
    server_id  INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    changed    INTEGER NOT NULL,
    person_id  INTEGER,                        -- NULL: had what is kept about them deleted
    setting    TEXT NOT NULL,                  -- its name, such as time_zone
    channel_id INTEGER,                        -- of which channel; NULL: of the whole server
    feed_id    INTEGER,                        -- of which feed in it
    old        TEXT,
    new        TEXT
) STRICT;
CREATE INDEX setting_change_server ON setting_change (server_id, changed);
CREATE INDEX setting_change_person ON setting_change (person_id) WHERE person_id IS NOT NULL;
