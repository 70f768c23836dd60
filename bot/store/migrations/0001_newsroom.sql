-- The words of the design as tables. Times are integer seconds in UTC.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
    id            INTEGER PRIMARY KEY,
    url           TEXT NOT NULL,
    server_id     INTEGER NOT NULL DEFAULT 0,  -- 0: shared; else the only server that may use its credentials
    title         TEXT NOT NULL DEFAULT '',
    outlet        TEXT NOT NULL DEFAULT '',
    site_url      TEXT,
    icon          TEXT,
    language      TEXT,
    state         TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone', 'imported')),
    etag          TEXT,
    last_modified TEXT,
    body_hash     BLOB,
    entries_hash  BLOB,
    added         INTEGER NOT NULL,
    next_poll     INTEGER NOT NULL,
    interval      INTEGER NOT NULL,
    last_poll     INTEGER,
    last_success  INTEGER,
    last_article  INTEGER,
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    error         TEXT,
    error_detail  TEXT NOT NULL DEFAULT '',
    moved_to      TEXT,
    moved_since   INTEGER,
    ttl           INTEGER,
    skip_hours    INTEGER NOT NULL DEFAULT 0,  -- bits
    skip_days     INTEGER NOT NULL DEFAULT 0,  -- bits
    UNIQUE (url, server_id)
) STRICT;
CREATE INDEX feed_due ON feed (next_poll) WHERE state = 'active';

CREATE TABLE article (
    id          INTEGER PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE,
    feed_id     INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    page        TEXT NOT NULL,
    url         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    title       TEXT NOT NULL,
    summary     TEXT NOT NULL,
    text        TEXT NOT NULL,
    body        TEXT,                          -- NULL: the same as text
    author      TEXT,
    outlet      TEXT NOT NULL,
    language    TEXT,
    tags        TEXT NOT NULL DEFAULT '[]',    -- a JSON list
    image       TEXT,
    published   INTEGER NOT NULL,
    found       INTEGER NOT NULL,
    updated     INTEGER
) STRICT;
CREATE INDEX article_page ON article (page);
CREATE INDEX article_url ON article (url);
CREATE INDEX article_newest ON article (published DESC, id DESC);
CREATE INDEX article_feed_newest ON article (feed_id, published DESC, id DESC);
CREATE INDEX article_texts ON article (found) WHERE text <> '' OR summary <> '';  -- what a clean-up may empty

CREATE TABLE identity (                        -- outlives the text of its article
    feed_id    INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (feed_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_article ON identity (article_id);

CREATE VIRTUAL TABLE article_terms USING fts5 (
    title, body, meta, content = '', tokenize = "unicode61 remove_diacritics 0"
);
CREATE VIRTUAL TABLE article_vocabulary USING fts5vocab (article_terms, 'col');

CREATE TABLE server (
    id     INTEGER PRIMARY KEY,
    locale TEXT,
    joined INTEGER NOT NULL,
    left   INTEGER                             -- its people sent the bot away
) STRICT;

CREATE TABLE channel (
    id            INTEGER PRIMARY KEY,
    server_id     INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    problem       TEXT,                        -- why nothing can be sent there
    problem_since INTEGER,
    retry_at      INTEGER
) STRICT;
CREATE INDEX channel_server ON channel (server_id);

CREATE TABLE subscription (
    id           INTEGER PRIMARY KEY,
    channel_id   INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    feed_id      INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    added        INTEGER NOT NULL,
    paused       INTEGER,
    resumed      INTEGER,                      -- the end of the last pause: what is older stays unposted
    resumed_from TEXT CHECK (resumed_from IN ('paused', 'away')),
    UNIQUE (channel_id, feed_id)
) STRICT;
CREATE INDEX subscription_feed ON subscription (feed_id);

CREATE TABLE dispatch (
    id         INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice')),
    what       TEXT NOT NULL,
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
    UNIQUE (channel_id, what)
) STRICT;
CREATE INDEX dispatch_queue ON dispatch (channel_id, position, id, due) WHERE state = 'waiting';
CREATE INDEX dispatch_claimed ON dispatch (id) WHERE state = 'claimed';
CREATE INDEX dispatch_unfinished ON dispatch (id) WHERE state = 'sent' AND finished = 0;
CREATE INDEX dispatch_sent ON dispatch (sent) WHERE sent IS NOT NULL;
CREATE INDEX dispatch_edit ON dispatch (edit_due) WHERE edit_due IS NOT NULL;
CREATE INDEX dispatch_message ON dispatch (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE fate (                            -- what became of a page in a channel: exactly one row
    channel_id  INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    page        TEXT NOT NULL,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id INTEGER REFERENCES dispatch (id) ON DELETE CASCADE,
    fate        TEXT CHECK (fate IN ('joined', 'digested', 'filtered', 'withheld')),
    reason      TEXT,
    decided     INTEGER NOT NULL,
    PRIMARY KEY (channel_id, page),
    CHECK ((dispatch_id IS NULL) <> (fate IS NULL))  -- with a dispatch its state tells the fate
) STRICT, WITHOUT ROWID;
CREATE INDEX fate_article ON fate (article_id);
CREATE INDEX fate_dispatch ON fate (dispatch_id) WHERE dispatch_id IS NOT NULL;

CREATE TABLE bookmark (
    person_id  INTEGER NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id),
    created    INTEGER NOT NULL,
    removed    INTEGER,                        -- stays removed until the person reacts again
    server_id  INTEGER,
    channel_id INTEGER,
    message_id INTEGER,
    PRIMARY KEY (person_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bookmark_article ON bookmark (article_id) WHERE removed IS NULL;
CREATE INDEX bookmark_person ON bookmark (person_id, created) WHERE removed IS NULL;
