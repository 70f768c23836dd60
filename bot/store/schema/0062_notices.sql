-- The operator's notices, each posted once in the channel for alerts of every server that takes them.
ALTER TABLE server ADD COLUMN notices TEXT CHECK (notices IN ('off'));  -- NULL: the server takes them

CREATE TABLE notice (
    id           ID NEVER REUSED,  -- the button of its messages names it
    texts        TEXT NOT NULL,  -- JSON, by language
    created_at   INT NOT NULL,
    cancelled_at INT
);

CREATE TABLE notice_recipient (
    notice_id INT NOT NULL REFERENCES notice (id) ON DELETE CASCADE,
    server_id INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    outcome   TEXT CHECK (outcome IN ('enqueued', 'no-channel', 'opted-out', 'withdrawn')),  -- NULL: not decided yet
    PRIMARY KEY (notice_id, server_id)
);

CREATE INDEX notice_recipient_undecided ON notice_recipient (notice_id, server_id) WHERE outcome IS NULL;
CREATE INDEX notice_recipient_server ON notice_recipient (server_id);

ALTER TABLE dispatch ADD COLUMN notice_id INT REFERENCES notice (id) ON DELETE CASCADE;
CREATE INDEX dispatch_notice ON dispatch (notice_id, state) WHERE notice_id IS NOT NULL;
