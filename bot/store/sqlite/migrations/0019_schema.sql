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
    updated     INTEGER,
    corrected INTEGER,
    missing_since INTEGER,
    retracted INTEGER,
    page_text TEXT
) STRICT;

CREATE INDEX article_page ON article (page);

CREATE INDEX article_url ON article (url);

CREATE INDEX article_newest ON article (published DESC, id DESC);

CREATE INDEX article_feed_newest ON article (feed_id, published DESC, id DESC);

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
    left   INTEGER,  -- its people sent the bot away
    alerts INTEGER REFERENCES channel (id) ON DELETE SET NULL,
    language TEXT,
    time_zone TEXT NOT NULL DEFAULT 'UTC',
    manager_role INTEGER,
    look TEXT,
    welcomed INTEGER
) STRICT;

CREATE TABLE subscription (
    id           INTEGER PRIMARY KEY,
    channel_id   INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    feed_id      INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    added        INTEGER NOT NULL,
    paused       INTEGER,
    resumed      INTEGER,                      -- the end of the last pause: what is older stays unposted
    resumed_from TEXT CHECK (resumed_from IN ('paused', 'away')),
    look         TEXT,
    UNIQUE (channel_id, feed_id)
) STRICT;

CREATE INDEX subscription_feed ON subscription (feed_id);

CREATE TABLE fate (                            -- what became of a page in a channel: exactly one row
    channel_id  INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    page        TEXT NOT NULL,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id INTEGER REFERENCES dispatch (id) ON DELETE CASCADE,
    fate        TEXT CHECK (fate IN ('joined', 'digested', 'filtered', 'withheld')),
    reason      TEXT,
    decided     INTEGER NOT NULL,
    joined_id   INTEGER REFERENCES dispatch (id)  -- the post it joined
                CHECK ((joined_id IS NOT NULL) = (fate IS 'joined')),
    shown       INTEGER,
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

CREATE TABLE question (                        -- that somebody asked; kept for 90 days
    id         INTEGER PRIMARY KEY,            -- random: the buttons of an answer carry it
    server_id  INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    channel_id INTEGER NOT NULL,
    person_id  INTEGER NOT NULL,
    text       TEXT NOT NULL,
    language   TEXT NOT NULL,                  -- the one that it was answered in
    asked      INTEGER NOT NULL,
    public     INTEGER NOT NULL,
    answered   INTEGER NOT NULL,
    article_id INTEGER REFERENCES article (id) ON DELETE SET NULL,   -- the article that it is about
    follows    INTEGER REFERENCES question (id) ON DELETE SET NULL,  -- the question before it
    message_id INTEGER,                        -- the message that asked,
    answer_id  INTEGER                         -- and the one that answered, where others can see them
) STRICT;

CREATE INDEX question_asked ON question (asked);

CREATE INDEX question_person ON question (person_id, asked);

CREATE INDEX question_channel ON question (channel_id, asked) WHERE public;

CREATE INDEX question_follows ON question (follows) WHERE follows IS NOT NULL;

CREATE INDEX question_server ON question (server_id);

CREATE INDEX question_message ON question (message_id) WHERE message_id IS NOT NULL;

CREATE INDEX question_answer ON question (answer_id) WHERE answer_id IS NOT NULL;

CREATE TABLE vote (
    question_id INTEGER NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    person_id   INTEGER NOT NULL,
    helped      INTEGER NOT NULL CHECK (helped IN (0, 1)),
    voted       INTEGER NOT NULL,
    PRIMARY KEY (question_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX vote_person ON vote (person_id);

CREATE TABLE channel (
    id            INTEGER PRIMARY KEY,
    server_id     INTEGER REFERENCES server (id) ON DELETE CASCADE,
    person_id     INTEGER UNIQUE,              -- of a channel of direct messages, which has no server
    problem       TEXT,                        -- why nothing can be sent there
    problem_since INTEGER,
    retry_at      INTEGER, language TEXT, join_stories INTEGER NOT NULL DEFAULT 1 CHECK (join_stories IN (0, 1)), quiet_hours TEXT, most_an_hour INTEGER CHECK (most_an_hour > 0), gap INTEGER CHECK (gap > 0), daily_thread INTEGER NOT NULL DEFAULT 0 CHECK (daily_thread IN (0, 1)),
    CHECK ((server_id IS NULL) <> (person_id IS NULL))
) STRICT;

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

CREATE TABLE vector (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were written
    article_id INTEGER NOT NULL UNIQUE REFERENCES article (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL,                   -- as in article, so that both stand in the index below
    published  INTEGER NOT NULL,
    signs      BLOB NOT NULL,                      -- a bit a dimension: what is compared first
    vector     BLOB NOT NULL                       -- a byte a dimension: what is compared then
) STRICT;

CREATE INDEX vector_signs ON vector (id, article_id, feed_id, published, signs);

CREATE TABLE completion (                      -- what a person may be typing: of recent articles, by feed
    feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('word', 'tag', 'author')),
    folded  TEXT NOT NULL,                     -- without accents and capitals; of a name from each word on
    written TEXT NOT NULL,
    uses    INTEGER NOT NULL,                  -- articles with it
    seen    INTEGER NOT NULL,                  -- when the last of them was published
    PRIMARY KEY (feed_id, kind, folded)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE title_terms USING fts5 (
    title, content = '', detail = 'none', columnsize = 0, tokenize = "unicode61 remove_diacritics 0"
);

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

CREATE TABLE filter (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT NOT NULL,             -- in the search syntax, one line
    UNIQUE (subscription_id, rule, query)
) STRICT;

CREATE INDEX fate_joined ON fate (joined_id) WHERE joined_id IS NOT NULL;

CREATE TABLE kinship (                                 -- articles that seem to tell of one event
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    other_id   INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,  -- the one that came before
    likeness   REAL NOT NULL,
    PRIMARY KEY (article_id, other_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX kinship_other ON kinship (other_id);

CREATE INDEX article_missing ON article (missing_since) WHERE missing_since IS NOT NULL;

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

CREATE TABLE dispatch (
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

CREATE INDEX fate_held ON fate (channel_id, article_id) WHERE fate = 'digested';

CREATE TABLE daily_thread (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,                  -- in the server's time zone, such as 2026-11-24
    thread_id  INTEGER NOT NULL,
    PRIMARY KEY (channel_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE forum_tag (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    tag_id     INTEGER NOT NULL,
    query      TEXT NOT NULL,                  -- in the search syntax; '': every post
    PRIMARY KEY (channel_id, tag_id, query)
) STRICT, WITHOUT ROWID;

CREATE TABLE reading (                                 -- of a page: one row an article that has it to be read
    article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL,
    wanted     INTEGER NOT NULL,                       -- when the article came
    news       INTEGER NOT NULL,                       -- 0: of a backlog, of which no watch is told
    due        INTEGER,                                -- when to try; NULL: it is over
    attempts   INTEGER NOT NULL DEFAULT 0,
    outcome    TEXT,                                   -- how the last attempt ended
    ended      INTEGER                                 -- and when
) STRICT;

CREATE INDEX reading_due ON reading (due) WHERE due IS NOT NULL;

CREATE INDEX reading_feed ON reading (feed_id, wanted);

CREATE INDEX article_texts ON article (found)          -- what a clean-up may empty
    WHERE text <> '' OR summary <> '' OR page_text <> '';

CREATE TRIGGER vector_outdated
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
  OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM vector WHERE article_id = new.id;
END;

CREATE TABLE kept_out (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, article_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX kept_out_article ON kept_out (article_id);

CREATE TRIGGER fate_past_filter AFTER UPDATE OF fate ON fate
WHEN old.fate = 'filtered' AND new.fate IS NOT 'filtered' AND new.article_id <> old.article_id
BEGIN
    INSERT OR IGNORE INTO kept_out (channel_id, article_id) VALUES (old.channel_id, old.article_id);
END;

CREATE VIRTUAL TABLE pair_terms USING fts5 (
    pairs, content = '', detail = 'none', columnsize = 0, tokenize = "unicode61 remove_diacritics 0"
);

CREATE INDEX article_facts ON article (id, feed_id, published, page);

INSERT INTO article_terms (article_terms, rank) VALUES ('usermerge', 2);
INSERT INTO title_terms (title_terms, rank) VALUES ('usermerge', 2);
INSERT INTO pair_terms (pair_terms, rank) VALUES ('usermerge', 2);
