-- A post may be held back: until enough outlets tell its story, or until the best of the day are chosen.
ALTER TABLE channel ADD COLUMN least_outlets INTEGER CHECK (least_outlets > 1);
ALTER TABLE channel ADD COLUMN best_a_day INTEGER CHECK (best_a_day > 0);
ALTER TABLE channel ADD COLUMN best_due INTEGER;  -- when the best are chosen next

CREATE TABLE dispatch_held (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice', 'watch', 'digest')),
    what       TEXT NOT NULL,
    watch_id   INTEGER REFERENCES watch (id) ON DELETE CASCADE,
    digest_id  INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    state      TEXT NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('held', 'waiting', 'claimed', 'sent', 'uncertain', 'failed')),
    created    INTEGER NOT NULL,
    position   INTEGER NOT NULL,               -- its place in the channel's queue: when its article was published
    due        INTEGER NOT NULL,               -- of a held one: when it is given up
    attempts   INTEGER NOT NULL DEFAULT 0,
    claimed    INTEGER,
    message_id INTEGER,
    thread_id  INTEGER,
    sent       INTEGER,
    finished   INTEGER NOT NULL DEFAULT 0,
    edit_due   INTEGER,
    error      TEXT,
    payload    TEXT NOT NULL DEFAULT '',       -- the text of a notice; what a digest says, as JSON
    look       TEXT,                           -- JSON: that of its message since it was claimed; NULL: as usual
    edited     INTEGER,                        -- when its message was last edited
    UNIQUE (channel_id, what),
    CHECK ((kind = 'watch') = (watch_id IS NOT NULL)),
    CHECK (digest_id IS NULL OR kind = 'digest'),
    CHECK (state <> 'held' OR kind = 'post')
) STRICT;

INSERT INTO dispatch_held
    SELECT id, channel_id, kind, what, watch_id, digest_id, state, created, position, due, attempts, claimed,
           message_id, thread_id, sent, finished, edit_due, error, payload, look, edited
    FROM dispatch;
DROP TABLE dispatch;
ALTER TABLE dispatch_held RENAME TO dispatch;

CREATE INDEX dispatch_queue ON dispatch (channel_id, position, id, due) WHERE state = 'waiting';
CREATE INDEX dispatch_claimed ON dispatch (id) WHERE state = 'claimed';
CREATE INDEX dispatch_unfinished ON dispatch (id) WHERE state = 'sent' AND finished = 0;
CREATE INDEX dispatch_sent ON dispatch (sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_told ON dispatch (channel_id, sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_edit ON dispatch (edit_due) WHERE edit_due IS NOT NULL;
CREATE INDEX dispatch_message ON dispatch (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX dispatch_watch ON dispatch (watch_id, state) WHERE watch_id IS NOT NULL;
CREATE INDEX dispatch_digest ON dispatch (digest_id, state) WHERE digest_id IS NOT NULL;
CREATE INDEX dispatch_held_due ON dispatch (due) WHERE state = 'held';
CREATE INDEX dispatch_held_in ON dispatch (channel_id) WHERE state = 'held';
CREATE INDEX channel_best ON channel (best_due) WHERE best_due IS NOT NULL;
