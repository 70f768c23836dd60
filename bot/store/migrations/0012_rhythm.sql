-- When a channel takes messages, and digests: what came in a day or a week, told in one message.
ALTER TABLE channel ADD COLUMN quiet_hours TEXT;      -- such as 22:00-07:00 in the server's time zone; NULL: none
ALTER TABLE channel ADD COLUMN most_an_hour INTEGER CHECK (most_an_hour > 0);  -- messages of articles; NULL: any
ALTER TABLE channel ADD COLUMN gap INTEGER CHECK (gap > 0);  -- seconds between two of them

CREATE TABLE digest (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the names of its dispatches, which are used once
    channel_id INTEGER NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    weekday    INTEGER CHECK (weekday BETWEEN 0 AND 6),  -- Monday is 0; NULL: every day
    minute     INTEGER NOT NULL CHECK (minute BETWEEN 0 AND 1439),  -- of the day, in the server's time zone
    alone      INTEGER NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),  -- the channel gets no single posts
    wide       INTEGER NOT NULL DEFAULT 0 CHECK (wide IN (0, 1)),   -- also feeds of other channels
    chart      INTEGER NOT NULL DEFAULT 0 CHECK (chart IN (0, 1)),
    created    INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    covered    INTEGER                             -- until when the last one told of what came
) STRICT;
CREATE INDEX digest_due ON digest (due);

CREATE TABLE new_dispatch (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice', 'watch', 'digest')),
    what       TEXT NOT NULL,
    watch_id   INTEGER REFERENCES watch (id) ON DELETE CASCADE,
    digest_id  INTEGER REFERENCES digest (id) ON DELETE SET NULL,
    state      TEXT NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'claimed', 'sent', 'uncertain', 'failed')),
    created    INTEGER NOT NULL,
    position   INTEGER NOT NULL,               -- its place in the channel's queue: when its article was published
    due        INTEGER NOT NULL,
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
    CHECK (digest_id IS NULL OR kind = 'digest')
) STRICT;
INSERT INTO new_dispatch (id, channel_id, kind, what, watch_id, state, created, position, due, attempts, claimed,
                          message_id, thread_id, sent, finished, edit_due, error, payload, look, edited)
SELECT id, channel_id, kind, what, watch_id, state, created, position, due, attempts, claimed, message_id, thread_id,
       sent, finished, edit_due, error, payload, look, edited
FROM dispatch;
DROP TABLE dispatch;
ALTER TABLE new_dispatch RENAME TO dispatch;
CREATE INDEX dispatch_queue ON dispatch (channel_id, position, id, due) WHERE state = 'waiting';
CREATE INDEX dispatch_claimed ON dispatch (id) WHERE state = 'claimed';
CREATE INDEX dispatch_unfinished ON dispatch (id) WHERE state = 'sent' AND finished = 0;
CREATE INDEX dispatch_sent ON dispatch (sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_told ON dispatch (channel_id, sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_edit ON dispatch (edit_due) WHERE edit_due IS NOT NULL;
CREATE INDEX dispatch_message ON dispatch (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX dispatch_watch ON dispatch (watch_id, state) WHERE watch_id IS NOT NULL;
CREATE INDEX dispatch_digest ON dispatch (digest_id, state) WHERE digest_id IS NOT NULL;

CREATE TABLE digest_article (                  -- a digest names an article, whatever its fate is
    dispatch_id INTEGER NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (dispatch_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX digest_article_article ON digest_article (article_id);

CREATE INDEX fate_held ON fate (channel_id, article_id) WHERE fate = 'digested';  -- until a digest tells of it
