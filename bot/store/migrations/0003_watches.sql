-- Watches: what a person or a channel is told of. A direct message becomes a place that messages are owed to.

CREATE TABLE new_channel (
    id            INTEGER PRIMARY KEY,
    server_id     INTEGER REFERENCES server (id) ON DELETE CASCADE,
    person_id     INTEGER UNIQUE,              -- of a channel of direct messages, which has no server
    problem       TEXT,                        -- why nothing can be sent there
    problem_since INTEGER,
    retry_at      INTEGER,
    CHECK ((server_id IS NULL) <> (person_id IS NULL))
) STRICT;
INSERT INTO new_channel (id, server_id, problem, problem_since, retry_at)
SELECT id, server_id, problem, problem_since, retry_at FROM channel;
DROP TABLE channel;
ALTER TABLE new_channel RENAME TO channel;
CREATE INDEX channel_server ON channel (server_id);

CREATE TABLE watch (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- an old button must never stop another watch
    server_id  INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,  -- whose feeds it looks at
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,  -- where it is told
    query      TEXT NOT NULL,                  -- emptied when it is removed
    language   TEXT,                           -- of a person's notices; NULL: the server's
    created    INTEGER NOT NULL,
    after      INTEGER NOT NULL,               -- the last article there was: only later ones are told
    quiet      INTEGER NOT NULL DEFAULT 0,     -- until then further matches wait for one notice
    absent     INTEGER,                        -- since when its person is known to have left the server
    removed    INTEGER                         -- kept for a while, for the buttons under its notices
) STRICT;
CREATE UNIQUE INDEX watch_once ON watch (channel_id, server_id, query) WHERE removed IS NULL;
CREATE INDEX watch_server ON watch (server_id);

CREATE TABLE new_dispatch (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice', 'watch')),
    what       TEXT NOT NULL,
    watch_id   INTEGER REFERENCES watch (id) ON DELETE CASCADE,
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
    payload    TEXT NOT NULL DEFAULT '',
    UNIQUE (channel_id, what),
    CHECK ((kind = 'watch') = (watch_id IS NOT NULL))
) STRICT;
INSERT INTO new_dispatch (id, channel_id, kind, what, state, created, position, due, attempts, claimed, message_id,
                          thread_id, sent, finished, edit_due, error, payload)
SELECT id, channel_id, kind, what, state, created, position, due, attempts, claimed, message_id, thread_id, sent,
       finished, edit_due, error, payload
FROM dispatch;
DROP TABLE dispatch;
ALTER TABLE new_dispatch RENAME TO dispatch;
CREATE INDEX dispatch_queue ON dispatch (channel_id, position, id, due) WHERE state = 'waiting';
CREATE INDEX dispatch_claimed ON dispatch (id) WHERE state = 'claimed';
CREATE INDEX dispatch_unfinished ON dispatch (id) WHERE state = 'sent' AND finished = 0;
CREATE INDEX dispatch_sent ON dispatch (sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_edit ON dispatch (edit_due) WHERE edit_due IS NOT NULL;
CREATE INDEX dispatch_message ON dispatch (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX dispatch_watch ON dispatch (watch_id, state) WHERE watch_id IS NOT NULL;

CREATE TABLE watch_match (                     -- a watch was told of a page, or is about to be: once
    watch_id    INTEGER NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
    page        TEXT NOT NULL,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id INTEGER NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    PRIMARY KEY (watch_id, page)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_match_article ON watch_match (article_id);
CREATE INDEX watch_match_dispatch ON watch_match (dispatch_id);

CREATE TABLE arrival (                         -- articles that no watch was held against yet
    article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
) STRICT;
