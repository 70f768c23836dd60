-- The tables of Telex. Types: ID is a number that the database assigns, INT an integer of 64 bits; times are seconds in
-- UTC, flags 0 or 1. `bot/store/schema_scripts.py` renders this script for each engine.

--[postgres]
CREATE TABLE schema_version (
    number BIGINT NOT NULL
);
--[both]

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE feed (
    id            ID,
    url           TEXT NOT NULL,
    server_id     INT NOT NULL DEFAULT 0,  -- 0: shared; else the only server that may use its credentials
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
    added_at      INT NOT NULL,
    next_poll     INT NOT NULL,
    interval      INT NOT NULL,
    last_poll     INT,
    last_success  INT,
    last_article  INT,
    failures      INT NOT NULL DEFAULT 0,
    failing_since INT,
    error         TEXT,
    error_detail  TEXT NOT NULL DEFAULT '',
    moved_to      TEXT,
    moved_since   INT,
    ttl           INT,
    skip_hours    INT NOT NULL DEFAULT 0,  -- bits
    skip_days     INT NOT NULL DEFAULT 0,  -- bits
    page_list     TEXT,
--[sqlite]
    host_slot     INTEGER,  -- NULL: not computed yet, because the URL may be encrypted
    UNIQUE (url, server_id)
--[postgres]
    host_slot     BIGINT
--[both]
);

--[postgres]
CREATE UNIQUE INDEX feed_once ON feed (md5(url), server_id);  -- URLs may be too long for an index
CREATE INDEX feed_url ON feed USING hash (url);
CREATE INDEX feed_server ON feed (server_id) WHERE server_id <> 0;
--[both]
CREATE INDEX feed_due ON feed (next_poll) WHERE state = 'active';
CREATE INDEX feed_without_slot ON feed (id) WHERE host_slot IS NULL;

CREATE TABLE server (
    id            INT PRIMARY KEY,
    locale        TEXT,
    joined_at     INT NOT NULL,
    left_at       INT,  -- when the bot was removed
--[sqlite]
    alerts        INTEGER REFERENCES channel (id) ON DELETE SET NULL,
--[postgres]
    alerts        BIGINT,
--[both]
    language      TEXT,
    time_zone     TEXT NOT NULL DEFAULT 'UTC',
    manager_role  INT,
    look          TEXT,
    welcomed_at   INT,
    taste_since   INT,  -- when its taste was reset
    notify_roles  TEXT,  -- ids of roles that members may give themselves, separated by commas
    quota_full_at INT  -- milliseconds
);

CREATE TABLE channel (
    id            INT PRIMARY KEY,
    server_id     INT REFERENCES server (id) ON DELETE CASCADE,
    user_id       INT UNIQUE,  -- of a channel of direct messages, which has no server
    problem       TEXT,  -- why nothing can be sent there
    problem_since INT,
    retry_at      INT,
    language      TEXT,
    join_stories  INT NOT NULL DEFAULT 1 CHECK (join_stories IN (0, 1)),
    quiet_hours   TEXT,
    most_an_hour  INT CHECK (most_an_hour > 0),
    gap           INT CHECK (gap > 0),
    daily_thread  INT NOT NULL DEFAULT 0 CHECK (daily_thread IN (0, 1)),
    least_outlets INT CHECK (least_outlets > 1),
    best_a_day    INT CHECK (best_a_day > 0),
    best_due_at   INT,  -- when the top stories are selected next
    as_outlet     INT NOT NULL DEFAULT 0 CHECK (as_outlet IN (0, 1)),
    translate     INT NOT NULL DEFAULT 0 CHECK (translate IN (0, 1)),
    CHECK ((server_id IS NULL) <> (user_id IS NULL))
);

--[postgres]
ALTER TABLE server ADD FOREIGN KEY (alerts) REFERENCES channel (id) ON DELETE SET NULL;
CREATE INDEX server_alerts ON server (alerts) WHERE alerts IS NOT NULL;
--[both]
CREATE INDEX channel_server ON channel (server_id);
CREATE INDEX channel_translate ON channel (id) WHERE translate = 1;
CREATE INDEX channel_best ON channel (best_due_at) WHERE best_due_at IS NOT NULL;

CREATE TABLE article (
    id               INT PRIMARY KEY,
    key              TEXT NOT NULL UNIQUE,
    feed_id          INT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    page_key         TEXT NOT NULL,
    url              TEXT NOT NULL,
    fingerprint      BLOB NOT NULL,
    title            TEXT NOT NULL,
    summary          TEXT NOT NULL,
    text             TEXT NOT NULL,
    body             TEXT,  -- NULL: equal to text
    author           TEXT,
    outlet           TEXT NOT NULL,
    language         TEXT,
    tags             TEXT NOT NULL DEFAULT '[]',
    image_url        TEXT,
    published        INT NOT NULL,
    found_at         INT NOT NULL,
    updated_at       INT,
    corrected_at     INT,
    missing_since    INT,
    retracted_at     INT,
    page_text        TEXT,
    change_count     INT NOT NULL DEFAULT 0,
    has_own_page_key INT NOT NULL DEFAULT 0,  -- 1: page_key is not the hash of url alone
    audio_url        TEXT,
    duration_seconds INT
);

CREATE INDEX article_page ON article (page_key);
CREATE INDEX article_newest ON article (published DESC, id DESC);
CREATE INDEX article_feed_newest ON article (feed_id, published DESC, id DESC);
CREATE INDEX article_missing ON article (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX article_texts ON article (found_at)  -- texts that a purge may delete
    WHERE text <> '' OR summary <> '' OR page_text <> '';
--[sqlite]
CREATE INDEX article_own_page ON article (url) WHERE has_own_page_key = 1;
--[postgres]
CREATE INDEX article_own_page ON article USING hash (url) WHERE has_own_page_key = 1;
--[both]

CREATE TABLE identity (  -- outlives the text of its article
    feed_id    INT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (feed_id, hash)
);

CREATE INDEX identity_article ON identity (article_id);

CREATE TABLE subscription (
    id           ID,
    channel_id   INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    feed_id      INT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    added_at     INT NOT NULL,
    paused_at    INT,
    resumed_at   INT,  -- end of the last pause: older articles are not posted
    resumed_from TEXT CHECK (resumed_from IN ('paused', 'away')),
    look         TEXT,
    UNIQUE (channel_id, feed_id)
);

CREATE INDEX subscription_feed ON subscription (feed_id);

CREATE TABLE filter (
    id              ID,
    subscription_id INT NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT NOT NULL,  -- in the search syntax, one line
    UNIQUE (subscription_id, rule, query)
);

CREATE TABLE setting_change (
    id         ID,
    server_id  INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    changed_at INT NOT NULL,
    user_id    INT,  -- NULL: the user deleted their data
    setting    TEXT NOT NULL,
    channel_id INT,  -- NULL: a setting of the whole server
    feed_id    INT,
    old_value  TEXT,
    new_value  TEXT
);

CREATE INDEX setting_change_server ON setting_change (server_id, changed_at);
CREATE INDEX setting_change_user ON setting_change (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE daily_thread (
    channel_id INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,  -- in the server's time zone, such as 2026-11-24
    thread_id  INT NOT NULL,
    PRIMARY KEY (channel_id, day)
);

CREATE TABLE forum_tag (
    channel_id INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    tag_id     INT NOT NULL,
    query      TEXT NOT NULL,  -- in the search syntax; '': all posts
    PRIMARY KEY (channel_id, tag_id, query)
);

CREATE TABLE assistant_token (
    hash         BLOB PRIMARY KEY,
    server_id    INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    created_at   INT NOT NULL,
    last_used_at INT  -- to the hour
);

CREATE INDEX assistant_token_server ON assistant_token (server_id);

CREATE TABLE channel_feed (
    channel_id INT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,  -- of the secret in its URLs
    created_at INT NOT NULL
);

CREATE TABLE bookmark (
    user_id    INT NOT NULL,
    article_id INT NOT NULL REFERENCES article (id),
    created_at INT NOT NULL,
    removed_at INT,  -- stays removed until the user reacts again
    server_id  INT,
    channel_id INT,
    message_id INT,
    note       TEXT NOT NULL DEFAULT '',
    tags       TEXT NOT NULL DEFAULT '[]',
    read_at    INT,
    PRIMARY KEY (user_id, article_id)
);

CREATE INDEX bookmark_article ON bookmark (article_id) WHERE removed_at IS NULL;
CREATE INDEX bookmark_user ON bookmark (user_id, created_at) WHERE removed_at IS NULL;
CREATE INDEX bookmark_server ON bookmark (server_id, created_at) WHERE removed_at IS NULL;

CREATE TABLE erased_bookmark (
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    user_hash  BLOB NOT NULL,  -- a salt, and one byte of its hash with the user's id
    PRIMARY KEY (article_id, user_hash)
);

CREATE TABLE opinion (
    server_id  INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    user_id    INT NOT NULL,
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    opinion    TEXT NOT NULL CHECK (opinion IN ('opened', 'liked', 'disliked')),
    given_at   INT NOT NULL,
    PRIMARY KEY (server_id, user_id, article_id)
);

CREATE INDEX opinion_user ON opinion (user_id);
CREATE INDEX opinion_article ON opinion (article_id);

CREATE TABLE question (
    id                INT PRIMARY KEY,  -- random, because buttons of the answer contain it
    server_id         INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    channel_id        INT NOT NULL,
    user_id           INT NOT NULL,
    text              TEXT NOT NULL,
    language          TEXT NOT NULL,  -- of the answer
    asked_at          INT NOT NULL,
    is_public         INT NOT NULL,
    is_answered       INT NOT NULL,
    article_id        INT REFERENCES article (id) ON DELETE SET NULL,  -- the article that it is about
    previous_id       INT REFERENCES question (id) ON DELETE SET NULL,
    message_id        INT,
    answer_message_id INT  -- NULL: nobody else can see the answer
);

CREATE INDEX question_asked ON question (asked_at);
CREATE INDEX question_user ON question (user_id, asked_at);
CREATE INDEX question_previous ON question (previous_id) WHERE previous_id IS NOT NULL;
CREATE INDEX question_server ON question (server_id);
CREATE INDEX question_message ON question (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX question_answer ON question (answer_message_id) WHERE answer_message_id IS NOT NULL;
CREATE INDEX question_channel ON question (channel_id, asked_at) WHERE is_public = 1;

CREATE TABLE question_source (
    question_id INT NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    rank        INT NOT NULL,  -- from 0
    article_id  INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (question_id, rank)
);

CREATE INDEX question_source_article ON question_source (article_id);

CREATE TABLE vote (
    question_id INT NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    user_id     INT NOT NULL,
    is_helpful  INT NOT NULL CHECK (is_helpful IN (0, 1)),
    voted_at    INT NOT NULL,
    PRIMARY KEY (question_id, user_id)
);

CREATE INDEX vote_user ON vote (user_id);

CREATE TABLE watch (
    id               ID NEVER REUSED,  -- an old button must never stop another watch
    server_id        INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,  -- whose feeds it covers
    channel_id       INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,  -- where notifications go
    query            TEXT NOT NULL,  -- '' once it is removed
    language         TEXT,  -- of a user's notifications; NULL: the server's
    created_at       INT NOT NULL,
    after_article_id INT NOT NULL,  -- the last article before it
    cooldown_until   INT NOT NULL DEFAULT 0,
    absent_since     INT,  -- when its user left the server
    removed_at       INT  -- kept for a while, for the buttons below its notifications
);

CREATE UNIQUE INDEX watch_once ON watch (channel_id, server_id, query) WHERE removed_at IS NULL;
CREATE INDEX watch_server ON watch (server_id);

CREATE TABLE arrival (
    article_id INT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
);

CREATE TABLE digest (
    id            ID NEVER REUSED,  -- its dispatches are named after it
    channel_id    INT NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    weekday       INT CHECK (weekday BETWEEN 0 AND 6),  -- Monday is 0; NULL: daily
    minute        INT NOT NULL CHECK (minute BETWEEN 0 AND 1439),  -- of the day, in the server's time zone
    alone         INT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
    wide          INT NOT NULL DEFAULT 0 CHECK (wide IN (0, 1)),
    chart         INT NOT NULL DEFAULT 0 CHECK (chart IN (0, 1)),
    summaries     INT NOT NULL DEFAULT 0 CHECK (summaries IN (0, 1)),
    created_at    INT NOT NULL,
    due_at        INT NOT NULL,
    covered_until INT
);

CREATE INDEX digest_due ON digest (due_at);

CREATE TABLE personal_digest (
    channel_id      INT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,  -- of direct messages
    server_id       INT REFERENCES server (id) ON DELETE SET NULL,  -- where it was set up
    weekday         INT CHECK (weekday BETWEEN 0 AND 6),  -- Monday is 0; NULL: daily
    minute          INT NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    time_zone       TEXT NOT NULL,
    feed_ids        TEXT NOT NULL,
    topic_queries   TEXT NOT NULL,
    include_watches INT NOT NULL CHECK (include_watches IN (0, 1)),
    paused_at       INT,
    created_at      INT NOT NULL,
    due_at          INT NOT NULL,
    covered_until   INT
);

CREATE INDEX personal_digest_due ON personal_digest (due_at) WHERE paused_at IS NULL;

CREATE TABLE dispatch (
    id           INT PRIMARY KEY,
    channel_id   INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice', 'watch', 'digest')),
    dedupe_key   TEXT NOT NULL,
    watch_id     INT REFERENCES watch (id) ON DELETE CASCADE,
    digest_id    INT REFERENCES digest (id) ON DELETE SET NULL,
    state        TEXT NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('held', 'waiting', 'claimed', 'sent', 'uncertain', 'failed')),
    created_at   INT NOT NULL,
    position     INT NOT NULL,  -- in the channel's queue: when its article was published
    due_at       INT NOT NULL,  -- of a held post: when it expires
    attempts     INT NOT NULL DEFAULT 0,
    claimed_at   INT,
    message_id   INT,
    thread_id    INT,
    sent_at      INT,
    is_finalized INT NOT NULL DEFAULT 0,
    edit_due_at  INT,
    last_error   TEXT,
    payload      TEXT NOT NULL DEFAULT '',  -- text of an alert; content of a digest, as JSON
    look         TEXT,  -- JSON: of its message since it was claimed; NULL: the default
    edited_at    INT,
    webhook_id   INT,  -- NULL: sent by the bot itself
    UNIQUE (channel_id, dedupe_key),
    CHECK ((kind = 'watch') = (watch_id IS NOT NULL)),
    CHECK (digest_id IS NULL OR kind = 'digest'),
    CHECK (state <> 'held' OR kind = 'post')
);

CREATE INDEX dispatch_queue ON dispatch (channel_id, position, id, due_at) WHERE state = 'waiting';
CREATE INDEX dispatch_claimed ON dispatch (id) WHERE state = 'claimed';
CREATE INDEX dispatch_unfinalized ON dispatch (id) WHERE state = 'sent' AND is_finalized = 0;
CREATE INDEX dispatch_sent ON dispatch (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX dispatch_channel_sent ON dispatch (channel_id, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX dispatch_edit ON dispatch (edit_due_at) WHERE edit_due_at IS NOT NULL;
CREATE INDEX dispatch_message ON dispatch (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX dispatch_watch ON dispatch (watch_id, state) WHERE watch_id IS NOT NULL;
CREATE INDEX dispatch_digest ON dispatch (digest_id, state) WHERE digest_id IS NOT NULL;
CREATE INDEX dispatch_held_due ON dispatch (due_at) WHERE state = 'held';
CREATE INDEX dispatch_held_in ON dispatch (channel_id) WHERE state = 'held';

CREATE TABLE delivery_status (  -- exactly one row for a page in a channel
    channel_id         INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    page_key           TEXT NOT NULL,
    article_id         INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id        INT REFERENCES dispatch (id) ON DELETE CASCADE,
    status             TEXT CHECK (status IN ('joined', 'digested', 'filtered', 'withheld')),
    reason             TEXT,
    decided_at         INT NOT NULL,
    joined_dispatch_id INT REFERENCES dispatch (id)
--[sqlite]
                       CHECK ((joined_dispatch_id IS NOT NULL) = (status IS 'joined')),
--[postgres]
                       CHECK ((joined_dispatch_id IS NOT NULL) = (status IS NOT DISTINCT FROM 'joined')),
--[both]
    shown_at           INT,  -- since when the message of the joined post names it
    PRIMARY KEY (channel_id, page_key),
    CHECK ((dispatch_id IS NULL) <> (status IS NULL))  -- with a dispatch, its state is the status
);

CREATE INDEX delivery_status_article ON delivery_status (article_id);
CREATE INDEX delivery_status_dispatch ON delivery_status (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE INDEX delivery_status_joined ON delivery_status (joined_dispatch_id) WHERE joined_dispatch_id IS NOT NULL;
CREATE INDEX delivery_status_reserved ON delivery_status (channel_id, article_id) WHERE status = 'digested';

CREATE TABLE blocked_article (
    channel_id INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, article_id)
);

CREATE INDEX blocked_article_article ON blocked_article (article_id);

CREATE TABLE watch_match (
    watch_id    INT NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
    page_key    TEXT NOT NULL,
    article_id  INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id INT NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    PRIMARY KEY (watch_id, page_key)
);

CREATE INDEX watch_match_article ON watch_match (article_id);
CREATE INDEX watch_match_dispatch ON watch_match (dispatch_id);

CREATE TABLE digest_article (
    dispatch_id INT NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    article_id  INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (dispatch_id, article_id)
);

CREATE INDEX digest_article_article ON digest_article (article_id);

CREATE TABLE page_fetch (
    article_id   INT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
    feed_id      INT NOT NULL,
    requested_at INT NOT NULL,
    is_news      INT NOT NULL,  -- 0: of a backlog, which watches ignore
    due_at       INT,  -- NULL: finished
    attempts     INT NOT NULL DEFAULT 0,
    outcome      TEXT,  -- of the last attempt
    finished_at  INT,
    host_slot    INT  -- NULL: any process may fetch it
);

CREATE INDEX page_fetch_due ON page_fetch (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX page_fetch_feed ON page_fetch (feed_id, requested_at);

CREATE TABLE similar_article (
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    earlier_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    similarity REAL NOT NULL,
    PRIMARY KEY (article_id, earlier_id)
);

CREATE INDEX similar_article_earlier ON similar_article (earlier_id);

CREATE TABLE generated_text (
    article_id   INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('summary', 'translation')),
    language     TEXT NOT NULL,
    model        TEXT NOT NULL,
    text         TEXT NOT NULL,  -- a sentence per line, or title and excerpt; '': nothing passed the checks
    server_id    INT REFERENCES server (id) ON DELETE SET NULL,  -- whose daily limit it counts against
    generated_at INT NOT NULL,
    PRIMARY KEY (article_id, kind, language, model)
);

CREATE INDEX generated_text_generated ON generated_text (generated_at, server_id);
CREATE INDEX generated_text_server ON generated_text (server_id) WHERE server_id IS NOT NULL;

CREATE TABLE article_change (  -- the last changes, which the search index follows
    id         ID,
--[sqlite]
    nonce      INTEGER NOT NULL DEFAULT (random()),  -- of this change in this database alone
--[postgres]
    nonce      BIGINT NOT NULL DEFAULT (hashtextextended(gen_random_uuid()::TEXT, 0)),
--[both]
    article_id INT NOT NULL
);

CREATE TABLE encoded_article (
    article_id INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    index_id   TEXT NOT NULL,
    PRIMARY KEY (article_id, index_id)
);

CREATE INDEX encoded_article_by_index ON encoded_article (index_id);

CREATE TABLE quota_overflow (
    feed_id     INT PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('entries', 'identities', 'changes')),
    first_at    INT NOT NULL,
    last_at     INT NOT NULL,
    entry_count INT NOT NULL
);

CREATE TABLE skipped_entry (  -- while it is in the document
    feed_id       INT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    identity_hash BLOB NOT NULL,
    link_hash     BLOB NOT NULL,
    skipped_at    INT NOT NULL,
    PRIMARY KEY (feed_id, identity_hash)
);

CREATE INDEX skipped_entry_link ON skipped_entry (link_hash);

CREATE TABLE push_subscription (
    feed_id          INT PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    hub              TEXT NOT NULL,
    topic            TEXT NOT NULL,
    token            TEXT NOT NULL UNIQUE,  -- in the URL that the hub calls
    secret           TEXT NOT NULL,  -- with which the hub signs
    due_at           INT NOT NULL,
    requested_at     INT,  -- NULL: no request waits for its verification
    leased_until     INT NOT NULL,
    failures         INT NOT NULL,
    has_missed_entry INT NOT NULL  -- 1: a poll found an entry that was not pushed
);

CREATE TABLE outlet_icon (
    name          TEXT PRIMARY KEY,  -- hash of its URL, in the name of its emoji
    fetched_at    INT NOT NULL,
    colour        INT,  -- 0xRRGGBB
    last_shown_at INT  -- NULL: unusable
);

CREATE TABLE process (
    id         TEXT PRIMARY KEY,
    host       TEXT NOT NULL,
    roles      TEXT NOT NULL,  -- gateway, poller, separated by commas
    version    TEXT NOT NULL,
    started_at INT NOT NULL,  -- these in milliseconds by `database_time()`
    seen_at    INT NOT NULL,
    expires_at INT NOT NULL
);

CREATE TABLE lease (
    kind   TEXT NOT NULL,  -- feeds, shard, upkeep
    number INT NOT NULL,
    owner  TEXT NOT NULL REFERENCES process (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, number)
);

CREATE INDEX lease_owner ON lease (owner);

CREATE TABLE request_allocation (
    process            INT PRIMARY KEY,  -- a random number; 0: a pause of all processes
    slots              INT NOT NULL,
    demand             INT NOT NULL,
    rate_limited_count INT NOT NULL,
    expires_at         INT NOT NULL  -- milliseconds by `database_time()`
);

--[postgres]
-- Written several times a second, and harmless when empty after a crash.
ALTER TABLE request_allocation SET UNLOGGED;
--[both]

INSERT INTO article_change (article_id) VALUES (0);
