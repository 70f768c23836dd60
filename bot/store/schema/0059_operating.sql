-- Whoever runs Telex decides which servers may use it, and sees what was decided, and how servers use it.
ALTER TABLE server ADD COLUMN name TEXT;
ALTER TABLE server ADD COLUMN member_count INT;
ALTER TABLE server ADD COLUMN last_used_at INT;  -- the midnight (UTC) before somebody last used a command, button or menu
ALTER TABLE server ADD COLUMN leave_requested_at INT;  -- since when the bot is to leave it

CREATE TABLE server_access (
    server_id  INT PRIMARY KEY,  -- also of a server that the bot was never in
    is_allowed INT NOT NULL CHECK (is_allowed IN (0, 1)),  -- 0: blocked
    changed_at INT NOT NULL
);

CREATE TABLE audit_entry (
    id          ID,
    recorded_at INT NOT NULL,
    action      TEXT NOT NULL,
    user_id     INT,  -- 0: in the terminal; NULL: a user who deleted their data
    server_id   INT,
    details     TEXT NOT NULL  -- JSON
);

CREATE INDEX audit_entry_server ON audit_entry (server_id) WHERE server_id IS NOT NULL;
CREATE INDEX audit_entry_user ON audit_entry (user_id) WHERE user_id IS NOT NULL;
