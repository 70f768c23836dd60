-- The schema of a SQLite database of Telex 0.1.0, as the file holds it.
PRAGMA application_id = 0x54454C58;
PRAGMA user_version = 47;
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
    skip_days     INTEGER NOT NULL DEFAULT 0, page_list TEXT, slot INTEGER,  -- bits
    UNIQUE (url, server_id)
) STRICT;
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
, changes INTEGER NOT NULL DEFAULT 0, own_page INTEGER NOT NULL DEFAULT 0, audio TEXT, duration INTEGER) STRICT;
CREATE TABLE identity (                        -- outlives the text of its article
    feed_id    INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (feed_id, hash)
) STRICT, WITHOUT ROWID;
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
, taste_since INTEGER, notify_roles TEXT, share_whole INTEGER) STRICT;
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
CREATE TABLE bookmark (
    person_id  INTEGER NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id),
    created    INTEGER NOT NULL,
    removed    INTEGER,                        -- stays removed until the person reacts again
    server_id  INTEGER,
    channel_id INTEGER,
    message_id INTEGER, note TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]', read INTEGER,
    PRIMARY KEY (person_id, article_id)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE vote (
    question_id INTEGER NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    person_id   INTEGER NOT NULL,
    helped      INTEGER NOT NULL CHECK (helped IN (0, 1)),
    voted       INTEGER NOT NULL,
    PRIMARY KEY (question_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE channel (
    id            INTEGER PRIMARY KEY,
    server_id     INTEGER REFERENCES server (id) ON DELETE CASCADE,
    person_id     INTEGER UNIQUE,              -- of a channel of direct messages, which has no server
    problem       TEXT,                        -- why nothing can be sent there
    problem_since INTEGER,
    retry_at      INTEGER, language TEXT, join_stories INTEGER NOT NULL DEFAULT 1 CHECK (join_stories IN (0, 1)), quiet_hours TEXT, most_an_hour INTEGER CHECK (most_an_hour > 0), gap INTEGER CHECK (gap > 0), daily_thread INTEGER NOT NULL DEFAULT 0 CHECK (daily_thread IN (0, 1)), least_outlets INTEGER CHECK (least_outlets > 1), best_a_day INTEGER CHECK (best_a_day > 0), best_due INTEGER, as_outlet INTEGER NOT NULL DEFAULT 0 CHECK (as_outlet IN (0, 1)), translate INTEGER NOT NULL DEFAULT 0 CHECK (translate IN (0, 1)),
    CHECK ((server_id IS NULL) <> (person_id IS NULL))
) STRICT;
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
CREATE TABLE watch_match (                     -- a watch was told of a page, or is about to be: once
    watch_id    INTEGER NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
    page        TEXT NOT NULL,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id INTEGER NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    PRIMARY KEY (watch_id, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE arrival (                         -- articles that no watch was held against yet
    article_id INTEGER PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
) STRICT;
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
CREATE TABLE filter (
    id              INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT NOT NULL,             -- in the search syntax, one line
    UNIQUE (subscription_id, rule, query)
) STRICT;
CREATE TABLE kinship (                                 -- articles that seem to tell of one event
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    other_id   INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,  -- the one that came before
    likeness   REAL NOT NULL,
    PRIMARY KEY (article_id, other_id)
) STRICT, WITHOUT ROWID;
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
, summaries INTEGER NOT NULL DEFAULT 0 CHECK (summaries IN (0, 1))) STRICT;
CREATE TABLE digest_article (                  -- a digest names an article, whatever its fate is
    dispatch_id INTEGER NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (dispatch_id, article_id)
) STRICT, WITHOUT ROWID;
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
, slot INTEGER) STRICT;
CREATE TABLE kept_out (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE article_change (                   -- what the search index follows: the last changes of articles
    id         INTEGER PRIMARY KEY,
    mark       INTEGER NOT NULL DEFAULT (random()),  -- only this change of this database has it
    article_id INTEGER NOT NULL                 -- new, changed or deleted
) STRICT;
CREATE TABLE question_source (                 -- the articles that a question was answered from
    question_id INTEGER NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    place       INTEGER NOT NULL,              -- from 0 on, in the order in which they were quoted
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (question_id, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE surplus (
    feed_id INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('entries', 'identities', 'changes')),
    since   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    entries INTEGER NOT NULL
) STRICT;
CREATE TABLE passed_over (                     -- entries that were not kept, while they are in the document
    feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    link    BLOB NOT NULL,                     -- by which /why finds them
    counted INTEGER NOT NULL,
    PRIMARY KEY (feed_id, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE let_go (                          -- somebody let go of an article
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    mark       BLOB NOT NULL,                  -- a salt and one byte of a hash of it with the person's id
    PRIMARY KEY (article_id, mark)
) STRICT, WITHOUT ROWID;
CREATE TABLE "dispatch" (
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
    edited     INTEGER, webhook_id INTEGER,                        -- when its message was last edited
    UNIQUE (channel_id, what),
    CHECK ((kind = 'watch') = (watch_id IS NOT NULL)),
    CHECK (digest_id IS NULL OR kind = 'digest'),
    CHECK (state <> 'held' OR kind = 'post')
) STRICT;
CREATE TABLE assistant_token (
    hash      BLOB PRIMARY KEY,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    created   INTEGER NOT NULL
, used INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE opinion (                         -- what a person made of an article, where its server's taste is learnt
    server_id  INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    opinion    TEXT NOT NULL CHECK (opinion IN ('opened', 'liked', 'disliked')),
    given      INTEGER NOT NULL,
    PRIMARY KEY (server_id, person_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE push_subscription (
    feed_id      INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    hub          TEXT NOT NULL,
    topic        TEXT NOT NULL,                -- what the feed is called there
    token        TEXT NOT NULL UNIQUE,         -- in the address that the hub calls
    secret       TEXT NOT NULL,                -- that the hub signs with
    due          INTEGER NOT NULL,             -- when to ask the hub, or ask it again
    asked        INTEGER,                      -- since when it is to verify
    leased_until INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    missed       INTEGER NOT NULL              -- 1: a poll found what it did not push
) STRICT;
CREATE TABLE outlet_icon (
    name   TEXT PRIMARY KEY,  -- a hash of its address; the emoji of the application is called so
    looked INTEGER NOT NULL,  -- when it was fetched last
    colour INTEGER,           -- 0xRRGGBB that stands out in it
    shown  INTEGER            -- when it was shown last; NULL: it is none that can be shown
) WITHOUT ROWID;
CREATE TABLE channel_feed (
    channel_id INTEGER PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,           -- of the secret in its addresses
    created    INTEGER NOT NULL
) STRICT;
CREATE TABLE written_text (
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('summary', 'translation')),
    language   TEXT NOT NULL,
    model      TEXT NOT NULL,
    text       TEXT NOT NULL,                  -- one line each sentence, or the title and the excerpt; '': none held
    server_id  INTEGER REFERENCES server (id) ON DELETE SET NULL,  -- for whose people it was written
    made       INTEGER NOT NULL,
    PRIMARY KEY (article_id, kind, language, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE personal_digest (
    channel_id INTEGER PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,  -- of direct messages
    server_id  INTEGER REFERENCES server (id) ON DELETE SET NULL,              -- where it was set up
    weekday    INTEGER CHECK (weekday BETWEEN 0 AND 6),                        -- Monday is 0; NULL: every day
    minute     INTEGER NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    time_zone  TEXT NOT NULL,
    feeds      TEXT NOT NULL,                  -- ids, as JSON; with no topics and watches: all that they see
    topics     TEXT NOT NULL,                  -- queries in the search syntax, as JSON
    watches    INTEGER NOT NULL CHECK (watches IN (0, 1)),  -- also what the person's watches look for
    paused     INTEGER,                        -- since when
    created    INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    covered    INTEGER                         -- until when the last one told of what came
) STRICT;
CREATE TABLE request_share (
    process  INTEGER PRIMARY KEY,   -- a number drawn at its start; 0: all are held back
    slots    INTEGER NOT NULL,      -- requests that may count at once, in any window of a second
    need     INTEGER NOT NULL,      -- how many it could use
    refused  INTEGER NOT NULL,      -- answers of which too many get an address banned, in ten minutes
    until    INTEGER NOT NULL       -- when it lapses, in milliseconds by `database_time()`
) STRICT;
CREATE TABLE process (
    id      TEXT PRIMARY KEY,
    host    TEXT NOT NULL,
    roles   TEXT NOT NULL,     -- gateway, poller, with commas
    version TEXT NOT NULL,
    started INTEGER NOT NULL,  -- these in milliseconds by `database_time()`
    seen    INTEGER NOT NULL,  -- when it last said that it lives
    until   INTEGER NOT NULL   -- when its leases end unless it says so again
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
    kind   TEXT NOT NULL,      -- feeds, shard, upkeep
    number INTEGER NOT NULL,
    owner  TEXT NOT NULL REFERENCES process (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE "encoded_article" (
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    stamp      TEXT NOT NULL,                  -- of the index
    PRIMARY KEY (article_id, stamp)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_due ON feed (next_poll) WHERE state = 'active';
CREATE INDEX article_page ON article (page);
CREATE INDEX article_newest ON article (published DESC, id DESC);
CREATE INDEX article_feed_newest ON article (feed_id, published DESC, id DESC);
CREATE INDEX identity_article ON identity (article_id);
CREATE INDEX subscription_feed ON subscription (feed_id);
CREATE INDEX fate_article ON fate (article_id);
CREATE INDEX fate_dispatch ON fate (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE INDEX bookmark_article ON bookmark (article_id) WHERE removed IS NULL;
CREATE INDEX bookmark_person ON bookmark (person_id, created) WHERE removed IS NULL;
CREATE INDEX question_asked ON question (asked);
CREATE INDEX question_person ON question (person_id, asked);
CREATE INDEX question_follows ON question (follows) WHERE follows IS NOT NULL;
CREATE INDEX question_server ON question (server_id);
CREATE INDEX question_message ON question (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX question_answer ON question (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX vote_person ON vote (person_id);
CREATE INDEX channel_server ON channel (server_id);
CREATE UNIQUE INDEX watch_once ON watch (channel_id, server_id, query) WHERE removed IS NULL;
CREATE INDEX watch_server ON watch (server_id);
CREATE INDEX watch_match_article ON watch_match (article_id);
CREATE INDEX watch_match_dispatch ON watch_match (dispatch_id);
CREATE INDEX setting_change_server ON setting_change (server_id, changed);
CREATE INDEX setting_change_person ON setting_change (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX fate_joined ON fate (joined_id) WHERE joined_id IS NOT NULL;
CREATE INDEX kinship_other ON kinship (other_id);
CREATE INDEX article_missing ON article (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX digest_due ON digest (due);
CREATE INDEX digest_article_article ON digest_article (article_id);
CREATE INDEX fate_held ON fate (channel_id, article_id) WHERE fate = 'digested';
CREATE INDEX reading_due ON reading (due) WHERE due IS NOT NULL;
CREATE INDEX reading_feed ON reading (feed_id, wanted);
CREATE INDEX article_texts ON article (found)          -- what a clean-up may empty
    WHERE text <> '' OR summary <> '' OR page_text <> '';
CREATE INDEX kept_out_article ON kept_out (article_id);
CREATE INDEX question_source_article ON question_source (article_id);
CREATE INDEX passed_over_link ON passed_over (link);
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
CREATE INDEX assistant_token_server ON assistant_token (server_id);
CREATE INDEX opinion_person ON opinion (person_id);
CREATE INDEX opinion_article ON opinion (article_id);
CREATE INDEX bookmark_server ON bookmark (server_id, created) WHERE removed IS NULL;
CREATE INDEX written_text_made ON written_text (made, server_id);
CREATE INDEX written_text_server ON written_text (server_id) WHERE server_id IS NOT NULL;
CREATE INDEX article_own_page ON article (url) WHERE own_page = 1;
CREATE INDEX question_channel ON question (channel_id, asked) WHERE public = 1;
CREATE INDEX channel_translate ON channel (id) WHERE translate = 1;
CREATE INDEX personal_digest_due ON personal_digest (due) WHERE paused IS NULL;
CREATE INDEX lease_owner ON lease (owner);
CREATE INDEX feed_without_slot ON feed (id) WHERE slot IS NULL;
CREATE INDEX encoded_article_by_index ON encoded_article (stamp);
CREATE TRIGGER fate_past_filter AFTER UPDATE OF fate ON fate
WHEN old.fate = 'filtered' AND new.fate IS NOT 'filtered' AND new.article_id <> old.article_id
BEGIN
    INSERT OR IGNORE INTO kept_out (channel_id, article_id) VALUES (old.channel_id, old.article_id);
END;
CREATE TRIGGER article_added AFTER INSERT ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;
CREATE TRIGGER article_changed
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text, language, outlet, author, tags, image
ON article
WHEN old.feed_id <> new.feed_id OR old.published <> new.published OR old.title <> new.title
  OR old.summary <> new.summary OR old.text <> new.text OR old.body IS NOT new.body
  OR old.page_text IS NOT new.page_text OR old.language IS NOT new.language OR old.outlet <> new.outlet
  OR old.author IS NOT new.author OR old.tags <> new.tags OR old.image IS NOT new.image
BEGIN
    INSERT INTO article_change (article_id) VALUES (new.id);
END;
CREATE TRIGGER article_deleted AFTER DELETE ON article
BEGIN
    INSERT INTO article_change (article_id) VALUES (old.id);
END;
CREATE TRIGGER encoded_article_outdated
AFTER UPDATE OF title, summary, text, body, page_text ON article
WHEN old.title <> new.title OR old.summary <> new.summary OR old.text <> new.text
  OR old.body IS NOT new.body OR old.page_text IS NOT new.page_text
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
END;
INSERT INTO article_change (article_id) VALUES (0);
