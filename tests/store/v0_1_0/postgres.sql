-- The schema of a PostgreSQL database of Telex 0.1.0.
CREATE SCHEMA telex;
SET search_path = telex;

CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT $$;

CREATE OR REPLACE FUNCTION json_each(list TEXT) RETURNS TABLE (value BIGINT, atom TEXT)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50 AS $$
    SELECT CASE WHEN json_typeof(member) = 'number' THEN (member #>> '{}')::BIGINT END,
           (member #>> '{}') COLLATE "C"
    FROM json_array_elements(list::JSON) AS member
$$;

CREATE OR REPLACE FUNCTION json_text(members ANYCOMPATIBLEARRAY) RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT array_to_json(members)::TEXT $$;
CREATE OR REPLACE AGGREGATE json_group_array(BIGINT)
    (SFUNC = array_append, STYPE = BIGINT[], INITCOND = '{}', FINALFUNC = json_text);
CREATE OR REPLACE AGGREGATE json_group_array(JSON)
    (SFUNC = array_append, STYPE = JSON[], INITCOND = '{}', FINALFUNC = json_text);

CREATE OR REPLACE FUNCTION comma_text(members BIGINT[]) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_to_string(members, ',') $$;
CREATE OR REPLACE AGGREGATE group_concat(BIGINT) (SFUNC = array_append, STYPE = BIGINT[], FINALFUNC = comma_text);

CREATE OR REPLACE FUNCTION iif(condition BOOLEAN, yes ANYCOMPATIBLE, no ANYCOMPATIBLE) RETURNS ANYCOMPATIBLE
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN condition THEN yes ELSE no END $$;

CREATE OR REPLACE FUNCTION max(one BIGINT, other BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN one >= other THEN one WHEN one < other THEN other END $$;
CREATE OR REPLACE FUNCTION max(one BIGINT, other BIGINT, third BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT max(max(one, other), third) $$;
CREATE OR REPLACE FUNCTION min(one BIGINT, other BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN one <= other THEN one WHEN one > other THEN other END $$;

CREATE OR REPLACE FUNCTION instr(whole TEXT, part TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT strpos(whole, part)::BIGINT $$;
CREATE OR REPLACE FUNCTION substr(whole TEXT, first BIGINT, length BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT substr(whole, first::INTEGER, length::INTEGER) $$;
CREATE OR REPLACE FUNCTION hex(bytes BYTEA) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT upper(encode(bytes, 'hex')) $$;

CREATE OR REPLACE FUNCTION fold(written TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(written) = length(written) THEN lower(written COLLATE "C") ELSE
        normalize(regexp_replace(lower(normalize(
            translate(replace(replace(replace(lower(written COLLATE pg_catalog."C"), 'ß', 'ss'), 'œ', 'oe'), 'æ', 'ae'), '’‘ʼ´`＇′‐‑−™®©øłđıς­​‌‍﻿', '''''''''''''''---   oldiσ'), NFKD) COLLATE pg_catalog."C"), '[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7-\u05c7\u0610-\u061a\u064b-\u065f\u0670-\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8\u06ea-\u06ed\u0711-\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u07fd-\u07fd\u0816-\u0819\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b\u0898-\u089f\u08ca-\u08e1\u08e3-\u0903\u093a-\u093c\u093e-\u094f\u0951-\u0957\u0962-\u0963\u0981-\u0983\u09bc-\u09bc\u09be-\u09c4\u09c7-\u09c8\u09cb-\u09cd\u09d7-\u09d7\u09e2-\u09e3\u09fe-\u09fe\u0a01-\u0a03\u0a3c-\u0a3c\u0a3e-\u0a42\u0a47-\u0a48\u0a4b-\u0a4d\u0a51-\u0a51\u0a70-\u0a71\u0a75-\u0a75\u0a81-\u0a83\u0abc-\u0abc\u0abe-\u0ac5\u0ac7-\u0ac9\u0acb-\u0acd\u0ae2-\u0ae3\u0afa-\u0aff\u0b01-\u0b03\u0b3c-\u0b3c\u0b3e-\u0b44\u0b47-\u0b48\u0b4b-\u0b4d\u0b55-\u0b57\u0b62-\u0b63\u0b82-\u0b82\u0bbe-\u0bc2\u0bc6-\u0bc8\u0bca-\u0bcd\u0bd7-\u0bd7\u0c00-\u0c04\u0c3c-\u0c3c\u0c3e-\u0c44\u0c46-\u0c48\u0c4a-\u0c4d\u0c55-\u0c56\u0c62-\u0c63\u0c81-\u0c83\u0cbc-\u0cbc\u0cbe-\u0cc4\u0cc6-\u0cc8\u0cca-\u0ccd\u0cd5-\u0cd6\u0ce2-\u0ce3\u0d00-\u0d03\u0d3b-\u0d3c\u0d3e-\u0d44\u0d46-\u0d48\u0d4a-\u0d4d\u0d57-\u0d57\u0d62-\u0d63\u0d81-\u0d83\u0dca-\u0dca\u0dcf-\u0dd4\u0dd6-\u0dd6\u0dd8-\u0ddf\u0df2-\u0df3\u0e31-\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1-\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f18-\u0f19\u0f35-\u0f35\u0f37-\u0f37\u0f39-\u0f39\u0f3e-\u0f3f\u0f71-\u0f84\u0f86-\u0f87\u0f8d-\u0f97\u0f99-\u0fbc\u0fc6-\u0fc6\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f-\u108f\u109a-\u109d\u135d-\u135f\u1712-\u1715\u1732-\u1734\u1752-\u1753\u1772-\u1773\u17b4-\u17d3\u17dd-\u17dd\u180b-\u180d\u180f-\u180f\u1885-\u1886\u18a9-\u18a9\u1920-\u192b\u1930-\u193b\u1a17-\u1a1b\u1a55-\u1a5e\u1a60-\u1a7c\u1a7f-\u1a7f\u1ab0-\u1ace\u1b00-\u1b04\u1b34-\u1b44\u1b6b-\u1b73\u1b80-\u1b82\u1ba1-\u1bad\u1be6-\u1bf3\u1c24-\u1c37\u1cd0-\u1cd2\u1cd4-\u1ce8\u1ced-\u1ced\u1cf4-\u1cf4\u1cf7-\u1cf9\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2d7f-\u2d7f\u2de0-\u2dff\u302a-\u302f\ua66f-\ua672\ua674-\ua67d\ua69e-\ua69f\ua6f0-\ua6f1\ua802-\ua802\ua806-\ua806\ua80b-\ua80b\ua823-\ua827\ua82c-\ua82c\ua880-\ua881\ua8b4-\ua8c5\ua8e0-\ua8f1\ua8ff-\ua8ff\ua926-\ua92d\ua947-\ua953\ua980-\ua983\ua9b3-\ua9c0\ua9e5-\ua9e5\uaa29-\uaa36\uaa43-\uaa43\uaa4c-\uaa4d\uaa7b-\uaa7d\uaab0-\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1-\uaac1\uaaeb-\uaaef\uaaf5-\uaaf6\uabe3-\uabea\uabec-\uabed\ufb1e-\ufb1e\ufe00-\ufe0d\ufe20-\ufe2f]+', '', 'g'), NFC) COLLATE "C"
    END
$$;

CREATE OR REPLACE FUNCTION site(url TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(regexp_replace(trim(BOTH '[]' FROM
        substring(lower(url) FROM '^https?://(?:[^/?#@]*@)?(\[[^]/?#]*\]|[^:/?#]*)')), '^www\.', ''), '')
$$;

CREATE OR REPLACE FUNCTION moment_of(shown TIMESTAMP, zone TEXT) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
    found BIGINT := extract(epoch FROM shown AT TIME ZONE zone);
    earlier BIGINT;
    low BIGINT;
BEGIN
    IF to_timestamp(found) AT TIME ZONE zone = shown THEN
        FOREACH earlier IN ARRAY ARRAY[7200, 3600, 1800] LOOP
            IF to_timestamp(found - earlier) AT TIME ZONE zone = shown THEN
                RETURN found - earlier;
            END IF;
        END LOOP;
        RETURN found;
    END IF;
    low := found - 86400;
    WHILE found - low > 1 LOOP
        earlier := (low + found) / 2;
        IF to_timestamp(earlier) AT TIME ZONE zone < shown THEN low := earlier; ELSE found := earlier; END IF;
    END LOOP;
    RETURN found;
END
$$;
CREATE OR REPLACE FUNCTION quiet_until(at BIGINT, quiet TEXT, zone TEXT) RETURNS BIGINT LANGUAGE plpgsql STABLE AS $$
DECLARE
    begins INTERVAL;
    ends INTERVAL;
    today DATE;
    day DATE;
    from_ BIGINT;
    until BIGINT;
BEGIN
    IF quiet IS NULL THEN RETURN 0; END IF;
    begins := split_part(quiet, '-', 1)::INTERVAL;
    ends := split_part(quiet, '-', 2)::INTERVAL;
    BEGIN
        today := (to_timestamp(at) AT TIME ZONE zone)::DATE;
    EXCEPTION WHEN invalid_parameter_value THEN  -- a zone that this server does not know
        zone := 'UTC';
        today := (to_timestamp(at) AT TIME ZONE zone)::DATE;
    END;
    FOREACH day IN ARRAY ARRAY[today - 1, today] LOOP
        from_ := moment_of(day + begins, zone);
        until := moment_of(CASE WHEN begins < ends THEN day ELSE day + 1 END + ends, zone);
        IF from_ <= at AND at < until THEN RETURN until; END IF;
    END LOOP;
    RETURN 0;
END
$$;

CREATE TABLE schema_version (
    number BIGINT NOT NULL
);
CREATE TABLE meta (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
CREATE TABLE feed (
    id            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    url           TEXT COLLATE "C" NOT NULL,
    server_id     BIGINT NOT NULL DEFAULT 0,
    title         TEXT COLLATE "C" NOT NULL DEFAULT '',
    outlet        TEXT COLLATE "C" NOT NULL DEFAULT '',
    site_url      TEXT COLLATE "C",
    icon          TEXT COLLATE "C",
    language      TEXT COLLATE "C",
    state         TEXT COLLATE "C" NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone', 'imported')),
    etag          TEXT COLLATE "C",
    last_modified TEXT COLLATE "C",
    body_hash     BYTEA,
    entries_hash  BYTEA,
    added         BIGINT NOT NULL,
    next_poll     BIGINT NOT NULL,
    interval      BIGINT NOT NULL,
    last_poll     BIGINT,
    last_success  BIGINT,
    last_article  BIGINT,
    failures      BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    error         TEXT COLLATE "C",
    error_detail  TEXT COLLATE "C" NOT NULL DEFAULT '',
    moved_to      TEXT COLLATE "C",
    moved_since   BIGINT,
    ttl           BIGINT,
    skip_hours    BIGINT NOT NULL DEFAULT 0,
    skip_days     BIGINT NOT NULL DEFAULT 0,
    page_list     TEXT COLLATE "C"
);
CREATE UNIQUE INDEX feed_once ON feed (md5(url), server_id);
CREATE INDEX feed_url ON feed USING hash (url);
CREATE INDEX feed_server ON feed (server_id) WHERE server_id <> 0;
CREATE INDEX feed_due ON feed (next_poll) WHERE state = 'active';
CREATE TABLE server (
    id     BIGINT PRIMARY KEY,
    locale TEXT COLLATE "C",
    joined BIGINT NOT NULL,
    "left" BIGINT,
    alerts BIGINT,
    language TEXT COLLATE "C",
    time_zone TEXT COLLATE "C" NOT NULL DEFAULT 'UTC',
    manager_role BIGINT,
    look TEXT COLLATE "C",
    welcomed BIGINT,
    taste_since BIGINT,
    notify_roles TEXT COLLATE "C"
);
CREATE TABLE channel (
    id            BIGINT PRIMARY KEY,
    server_id     BIGINT REFERENCES server (id) ON DELETE CASCADE,
    person_id     BIGINT UNIQUE,
    problem       TEXT COLLATE "C",
    problem_since BIGINT,
    retry_at      BIGINT,
    language      TEXT COLLATE "C",
    join_stories  BIGINT NOT NULL DEFAULT 1 CHECK (join_stories IN (0, 1)),
    quiet_hours   TEXT COLLATE "C",
    most_an_hour  BIGINT CHECK (most_an_hour > 0),
    gap           BIGINT CHECK (gap > 0),
    daily_thread  BIGINT NOT NULL DEFAULT 0 CHECK (daily_thread IN (0, 1)),
    least_outlets BIGINT CHECK (least_outlets > 1),
    best_a_day    BIGINT CHECK (best_a_day > 0),
    best_due      BIGINT,
    as_outlet     BIGINT NOT NULL DEFAULT 0 CHECK (as_outlet IN (0, 1)),
    translate     BIGINT NOT NULL DEFAULT 0 CHECK (translate IN (0, 1)),
    CHECK ((server_id IS NULL) <> (person_id IS NULL))
);
ALTER TABLE server ADD FOREIGN KEY (alerts) REFERENCES channel (id) ON DELETE SET NULL;
CREATE INDEX channel_server ON channel (server_id);
CREATE INDEX server_alerts ON server (alerts) WHERE alerts IS NOT NULL;
CREATE INDEX channel_translate ON channel (id) WHERE translate = 1;
CREATE INDEX channel_best ON channel (best_due) WHERE best_due IS NOT NULL;
CREATE TABLE article (
    id          BIGINT PRIMARY KEY,
    key         TEXT COLLATE "C" NOT NULL UNIQUE,
    feed_id     BIGINT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    page        TEXT COLLATE "C" NOT NULL,
    url         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    title       TEXT COLLATE "C" NOT NULL,
    summary     TEXT COLLATE "C" NOT NULL,
    text        TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C",
    author      TEXT COLLATE "C",
    outlet      TEXT COLLATE "C" NOT NULL,
    language    TEXT COLLATE "C",
    tags        TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    image       TEXT COLLATE "C",
    published   BIGINT NOT NULL,
    found       BIGINT NOT NULL,
    updated     BIGINT,
    corrected   BIGINT,
    missing_since BIGINT,
    retracted   BIGINT,
    page_text   TEXT COLLATE "C",
    changes     BIGINT NOT NULL DEFAULT 0,
    own_page    BIGINT NOT NULL DEFAULT 0,
    audio       TEXT COLLATE "C",
    duration    BIGINT
);
CREATE INDEX article_page ON article (page);
CREATE INDEX article_newest ON article (published DESC, id DESC);
CREATE INDEX article_feed_newest ON article (feed_id, published DESC, id DESC);
CREATE INDEX article_missing ON article (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX article_texts ON article (found)
    WHERE text <> '' OR summary <> '' OR page_text <> '';
CREATE INDEX article_own_page ON article USING hash (url) WHERE own_page = 1;
CREATE TABLE identity (
    feed_id    BIGINT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL,
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (feed_id, hash)
);
CREATE INDEX identity_article ON identity (article_id);
CREATE TABLE subscription (
    id           BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    channel_id   BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    feed_id      BIGINT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    added        BIGINT NOT NULL,
    paused       BIGINT,
    resumed      BIGINT,
    resumed_from TEXT COLLATE "C" CHECK (resumed_from IN ('paused', 'away')),
    look         TEXT COLLATE "C",
    UNIQUE (channel_id, feed_id)
);
CREATE INDEX subscription_feed ON subscription (feed_id);
CREATE TABLE bookmark (
    person_id  BIGINT NOT NULL,
    article_id BIGINT NOT NULL REFERENCES article (id),
    created    BIGINT NOT NULL,
    removed    BIGINT,
    server_id  BIGINT,
    channel_id BIGINT,
    message_id BIGINT,
    note       TEXT COLLATE "C" NOT NULL DEFAULT '',
    tags       TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    read       BIGINT,
    PRIMARY KEY (person_id, article_id)
);
CREATE INDEX bookmark_article ON bookmark (article_id) WHERE removed IS NULL;
CREATE INDEX bookmark_person ON bookmark (person_id, created) WHERE removed IS NULL;
CREATE INDEX bookmark_server ON bookmark (server_id, created) WHERE removed IS NULL;
CREATE TABLE question (
    id         BIGINT PRIMARY KEY,
    server_id  BIGINT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    channel_id BIGINT NOT NULL,
    person_id  BIGINT NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    language   TEXT COLLATE "C" NOT NULL,
    asked      BIGINT NOT NULL,
    public     BIGINT NOT NULL,
    answered   BIGINT NOT NULL,
    article_id BIGINT REFERENCES article (id) ON DELETE SET NULL,
    follows    BIGINT REFERENCES question (id) ON DELETE SET NULL,
    message_id BIGINT,
    answer_id  BIGINT
);
CREATE INDEX question_asked ON question (asked);
CREATE INDEX question_person ON question (person_id, asked);
CREATE INDEX question_follows ON question (follows) WHERE follows IS NOT NULL;
CREATE INDEX question_server ON question (server_id);
CREATE INDEX question_message ON question (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX question_answer ON question (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX question_channel ON question (channel_id, asked) WHERE public = 1;
CREATE TABLE vote (
    question_id BIGINT NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    person_id   BIGINT NOT NULL,
    helped      BIGINT NOT NULL CHECK (helped IN (0, 1)),
    voted       BIGINT NOT NULL,
    PRIMARY KEY (question_id, person_id)
);
CREATE INDEX vote_person ON vote (person_id);
CREATE TABLE watch (
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    server_id  BIGINT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    query      TEXT COLLATE "C" NOT NULL,
    language   TEXT COLLATE "C",
    created    BIGINT NOT NULL,
    after      BIGINT NOT NULL,
    quiet      BIGINT NOT NULL DEFAULT 0,
    absent     BIGINT,
    removed    BIGINT
);
CREATE UNIQUE INDEX watch_once ON watch (channel_id, server_id, query) WHERE removed IS NULL;
CREATE INDEX watch_server ON watch (server_id);
CREATE TABLE arrival (
    article_id BIGINT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
);
CREATE TABLE setting_change (
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    server_id  BIGINT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    changed    BIGINT NOT NULL,
    person_id  BIGINT,
    setting    TEXT COLLATE "C" NOT NULL,
    channel_id BIGINT,
    feed_id    BIGINT,
    old        TEXT COLLATE "C",
    new        TEXT COLLATE "C"
);
CREATE INDEX setting_change_server ON setting_change (server_id, changed);
CREATE INDEX setting_change_person ON setting_change (person_id) WHERE person_id IS NOT NULL;
CREATE TABLE filter (
    id              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    subscription_id BIGINT NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    rule            TEXT COLLATE "C" NOT NULL CHECK (rule IN ('only', 'never')),
    query           TEXT COLLATE "C" NOT NULL,
    UNIQUE (subscription_id, rule, query)
);
CREATE TABLE kinship (
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    other_id   BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    likeness   DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (article_id, other_id)
);
CREATE INDEX kinship_other ON kinship (other_id);
CREATE TABLE digest (
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    channel_id BIGINT NOT NULL UNIQUE REFERENCES channel (id) ON DELETE CASCADE,
    weekday    BIGINT CHECK (weekday BETWEEN 0 AND 6),
    minute     BIGINT NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    alone      BIGINT NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
    wide       BIGINT NOT NULL DEFAULT 0 CHECK (wide IN (0, 1)),
    chart      BIGINT NOT NULL DEFAULT 0 CHECK (chart IN (0, 1)),
    summaries  BIGINT NOT NULL DEFAULT 0 CHECK (summaries IN (0, 1)),
    created    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    covered    BIGINT
);
CREATE INDEX digest_due ON digest (due);
CREATE TABLE daily_thread (
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    day        TEXT COLLATE "C" NOT NULL,
    thread_id  BIGINT NOT NULL,
    PRIMARY KEY (channel_id, day)
);
CREATE TABLE forum_tag (
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    tag_id     BIGINT NOT NULL,
    query      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel_id, tag_id, query)
);
CREATE TABLE reading (
    article_id BIGINT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE,
    feed_id    BIGINT NOT NULL,
    wanted     BIGINT NOT NULL,
    news       BIGINT NOT NULL,
    due        BIGINT,
    attempts   BIGINT NOT NULL DEFAULT 0,
    outcome    TEXT COLLATE "C",
    ended      BIGINT
);
CREATE INDEX reading_due ON reading (due) WHERE due IS NOT NULL;
CREATE INDEX reading_feed ON reading (feed_id, wanted);
CREATE TABLE kept_out (
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (channel_id, article_id)
);
CREATE INDEX kept_out_article ON kept_out (article_id);
CREATE TABLE article_change (
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    mark       BIGINT NOT NULL
               DEFAULT (hashtextextended(gen_random_uuid()::TEXT, 0)),
    article_id BIGINT NOT NULL
);
CREATE TABLE encoded_article (
    article_id BIGINT PRIMARY KEY REFERENCES article (id) ON DELETE CASCADE
);
CREATE TABLE question_source (
    question_id BIGINT NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    place       BIGINT NOT NULL,
    article_id  BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (question_id, place)
);
CREATE INDEX question_source_article ON question_source (article_id);
CREATE TABLE surplus (
    feed_id BIGINT PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    kind    TEXT COLLATE "C" NOT NULL CHECK (kind IN ('entries', 'identities', 'changes')),
    since   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    entries BIGINT NOT NULL
);
CREATE TABLE passed_over (
    feed_id BIGINT NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    hash    BYTEA NOT NULL,
    link    BYTEA NOT NULL,
    counted BIGINT NOT NULL,
    PRIMARY KEY (feed_id, hash)
);
CREATE INDEX passed_over_link ON passed_over (link);
CREATE TABLE let_go (
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    mark       BYTEA NOT NULL,
    PRIMARY KEY (article_id, mark)
);
CREATE FUNCTION next_dispatch_id() RETURNS BIGINT LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT coalesce(max(id), 0) + 1 FROM dispatch);
END
$$;
CREATE TABLE dispatch (
    id         BIGINT PRIMARY KEY DEFAULT next_dispatch_id(),
    channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('post', 'catch-up', 'notice', 'watch', 'digest')),
    what       TEXT COLLATE "C" NOT NULL,
    watch_id   BIGINT REFERENCES watch (id) ON DELETE CASCADE,
    digest_id  BIGINT REFERENCES digest (id) ON DELETE SET NULL,
    state      TEXT COLLATE "C" NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('held', 'waiting', 'claimed', 'sent', 'uncertain', 'failed')),
    created    BIGINT NOT NULL,
    position   BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    claimed    BIGINT,
    message_id BIGINT,
    thread_id  BIGINT,
    sent       BIGINT,
    finished   BIGINT NOT NULL DEFAULT 0,
    edit_due   BIGINT,
    error      TEXT COLLATE "C",
    payload    TEXT COLLATE "C" NOT NULL DEFAULT '',
    look       TEXT COLLATE "C",
    edited     BIGINT,
    webhook_id BIGINT,
    UNIQUE (channel_id, what),
    CHECK ((kind = 'watch') = (watch_id IS NOT NULL)),
    CHECK (digest_id IS NULL OR kind = 'digest'),
    CHECK (state <> 'held' OR kind = 'post')
);
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
CREATE TABLE fate (
    channel_id  BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    page        TEXT COLLATE "C" NOT NULL,
    article_id  BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id BIGINT REFERENCES dispatch (id) ON DELETE CASCADE,
    fate        TEXT COLLATE "C" CHECK (fate IN ('joined', 'digested', 'filtered', 'withheld')),
    reason      TEXT COLLATE "C",
    decided     BIGINT NOT NULL,
    joined_id   BIGINT REFERENCES dispatch (id)
                CHECK ((joined_id IS NOT NULL) = (fate IS NOT DISTINCT FROM 'joined')),
    shown       BIGINT,
    PRIMARY KEY (channel_id, page),
    CHECK ((dispatch_id IS NULL) <> (fate IS NULL))
);
CREATE INDEX fate_article ON fate (article_id);
CREATE INDEX fate_dispatch ON fate (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE INDEX fate_joined ON fate (joined_id) WHERE joined_id IS NOT NULL;
CREATE INDEX fate_held ON fate (channel_id, article_id) WHERE fate = 'digested';
CREATE TABLE watch_match (
    watch_id    BIGINT NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
    page        TEXT COLLATE "C" NOT NULL,
    article_id  BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    dispatch_id BIGINT NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    PRIMARY KEY (watch_id, page)
);
CREATE INDEX watch_match_article ON watch_match (article_id);
CREATE INDEX watch_match_dispatch ON watch_match (dispatch_id);
CREATE TABLE digest_article (
    dispatch_id BIGINT NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    article_id  BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (dispatch_id, article_id)
);
CREATE INDEX digest_article_article ON digest_article (article_id);
CREATE TABLE assistant_token (
    hash      BYTEA PRIMARY KEY,
    server_id BIGINT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    created   BIGINT NOT NULL,
    used      BIGINT
);
CREATE INDEX assistant_token_server ON assistant_token (server_id);
CREATE TABLE channel_feed (
    channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL UNIQUE,
    created    BIGINT NOT NULL
);
CREATE TABLE opinion (
    server_id  BIGINT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    person_id  BIGINT NOT NULL,
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    opinion    TEXT COLLATE "C" NOT NULL CHECK (opinion IN ('opened', 'liked', 'disliked')),
    given      BIGINT NOT NULL,
    PRIMARY KEY (server_id, person_id, article_id)
);
CREATE INDEX opinion_person ON opinion (person_id);
CREATE INDEX opinion_article ON opinion (article_id);
CREATE TABLE push_subscription (
    feed_id      BIGINT PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    hub          TEXT COLLATE "C" NOT NULL,
    topic        TEXT COLLATE "C" NOT NULL,
    token        TEXT COLLATE "C" NOT NULL UNIQUE,
    secret       TEXT COLLATE "C" NOT NULL,
    due          BIGINT NOT NULL,
    asked        BIGINT,
    leased_until BIGINT NOT NULL,
    failures     BIGINT NOT NULL,
    missed       BIGINT NOT NULL
);
CREATE TABLE written_text (
    article_id BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('summary', 'translation')),
    language   TEXT COLLATE "C" NOT NULL,
    model      TEXT COLLATE "C" NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    server_id  BIGINT REFERENCES server (id) ON DELETE SET NULL,
    made       BIGINT NOT NULL,
    PRIMARY KEY (article_id, kind, language, model)
);
CREATE INDEX written_text_made ON written_text (made, server_id);
CREATE INDEX written_text_server ON written_text (server_id) WHERE server_id IS NOT NULL;
CREATE TABLE outlet_icon (
    name   TEXT COLLATE "C" PRIMARY KEY,
    looked BIGINT NOT NULL,
    colour BIGINT,
    shown  BIGINT
);
CREATE FUNCTION kept_out_of_channel() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept_out (channel_id, article_id) VALUES (old.channel_id, old.article_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER fate_past_filter AFTER UPDATE OF fate ON fate FOR EACH ROW
WHEN (old.fate = 'filtered' AND new.fate IS DISTINCT FROM 'filtered' AND new.article_id <> old.article_id)
EXECUTE FUNCTION kept_out_of_channel();
CREATE FUNCTION article_has_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1413829720, 4);
    INSERT INTO article_change (article_id) VALUES (CASE TG_OP WHEN 'DELETE' THEN old.id ELSE new.id END);
    RETURN NULL;
END
$$;
CREATE TRIGGER article_added AFTER INSERT ON article FOR EACH ROW EXECUTE FUNCTION article_has_changed();
CREATE TRIGGER article_changed
AFTER UPDATE OF feed_id, published, title, summary, text, body, page_text, language, outlet, author, tags, image
ON article FOR EACH ROW
WHEN ((old.feed_id, old.published, old.title, old.summary, old.text, old.body, old.page_text, old.language,
       old.outlet, old.author, old.tags, old.image)
      IS DISTINCT FROM
      (new.feed_id, new.published, new.title, new.summary, new.text, new.body, new.page_text, new.language,
       new.outlet, new.author, new.tags, new.image))
EXECUTE FUNCTION article_has_changed();
CREATE TRIGGER article_deleted AFTER DELETE ON article FOR EACH ROW EXECUTE FUNCTION article_has_changed();
CREATE FUNCTION article_reads_otherwise() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM encoded_article WHERE article_id = new.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER encoded_article_outdated AFTER UPDATE OF title, summary, text, body, page_text ON article
FOR EACH ROW
WHEN ((old.title, old.summary, old.text, old.body, old.page_text)
      IS DISTINCT FROM (new.title, new.summary, new.text, new.body, new.page_text))
EXECUTE FUNCTION article_reads_otherwise();
INSERT INTO article_change (article_id) VALUES (0);
CREATE TABLE personal_digest (
    channel_id BIGINT PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    server_id  BIGINT REFERENCES server (id) ON DELETE SET NULL,
    weekday    BIGINT CHECK (weekday BETWEEN 0 AND 6),
    minute     BIGINT NOT NULL CHECK (minute BETWEEN 0 AND 1439),
    time_zone  TEXT COLLATE "C" NOT NULL,
    feeds      TEXT COLLATE "C" NOT NULL,
    topics     TEXT COLLATE "C" NOT NULL,
    watches    BIGINT NOT NULL CHECK (watches IN (0, 1)),
    paused     BIGINT,
    created    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    covered    BIGINT
);
CREATE INDEX personal_digest_due ON personal_digest (due) WHERE paused IS NULL;
CREATE UNLOGGED TABLE request_share (
    process  BIGINT PRIMARY KEY,
    slots    BIGINT NOT NULL,
    need     BIGINT NOT NULL,
    refused  BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE TABLE process (
    id      TEXT COLLATE "C" PRIMARY KEY,
    host    TEXT COLLATE "C" NOT NULL,
    roles   TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    until   BIGINT NOT NULL
);
CREATE TABLE lease (
    kind   TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    owner  TEXT COLLATE "C" NOT NULL REFERENCES process (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, number)
);
CREATE INDEX lease_owner ON lease (owner);
CREATE FUNCTION notice() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('telex', TG_ARGV[0]);
    RETURN NULL;
END
$$;
CREATE TRIGGER lease_free AFTER DELETE ON lease FOR EACH STATEMENT EXECUTE FUNCTION notice('leases');
CREATE TRIGGER process_begun AFTER INSERT ON process FOR EACH ROW EXECUTE FUNCTION notice('leases');
CREATE TRIGGER dispatch_owed AFTER INSERT ON dispatch FOR EACH STATEMENT EXECUTE FUNCTION notice('outbox');
CREATE TRIGGER dispatch_due AFTER UPDATE OF state ON dispatch FOR EACH ROW
WHEN (new.state = 'waiting' AND old.state <> 'waiting') EXECUTE FUNCTION notice('outbox');
CREATE TRIGGER feed_followed AFTER INSERT ON subscription FOR EACH STATEMENT EXECUTE FUNCTION notice('feeds');
CREATE TRIGGER feed_sooner AFTER UPDATE OF next_poll ON feed FOR EACH ROW
WHEN (new.next_poll < old.next_poll) EXECUTE FUNCTION notice('feeds');
ALTER TABLE feed ADD COLUMN slot BIGINT;
CREATE INDEX feed_without_slot ON feed (id) WHERE slot IS NULL;
ALTER TABLE server ADD COLUMN share_whole BIGINT;
ALTER TABLE reading ADD COLUMN slot BIGINT;
ALTER TABLE encoded_article ADD COLUMN stamp TEXT COLLATE "C";
UPDATE encoded_article SET stamp = coalesce((SELECT value FROM meta WHERE name = 'vectors'), '');
ALTER TABLE encoded_article ALTER COLUMN stamp SET NOT NULL, DROP CONSTRAINT encoded_article_pkey,
    ADD PRIMARY KEY (article_id, stamp);
INSERT INTO meta (name, value)
SELECT 'vectors ' || value, extract(epoch FROM now())::BIGINT::TEXT FROM meta WHERE name = 'vectors';
DELETE FROM meta WHERE name = 'vectors';
CREATE INDEX encoded_article_by_index ON encoded_article (stamp);
CREATE TRIGGER dispatch_edit AFTER UPDATE OF edit_due ON dispatch FOR EACH ROW
WHEN (new.edit_due IS NOT NULL AND new.edit_due IS DISTINCT FROM old.edit_due)
EXECUTE FUNCTION notice('outbox');
INSERT INTO schema_version (number) VALUES (47);
