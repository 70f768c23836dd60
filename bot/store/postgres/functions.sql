-- What the store's statements use and SQLite, or Python there, has. Replaced whenever tables are brought up to date.

-- Milliseconds since 1970 by the clock of the server, the one clock of all that use it.
CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT $$;

-- The members of a JSON list: numbers as `value`, texts as `atom`.
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

-- NULL where one is, as SQLite's.
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

-- As `bot.text.words.fold`, whose signs and marks are put in below.
CREATE OR REPLACE FUNCTION fold(written TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(written) = length(written) THEN lower(written COLLATE "C") ELSE
        normalize(regexp_replace(lower(normalize(
            {replaced}, NFKD) COLLATE {letters}), '[{marks}]+', '', 'g'), NFC) COLLATE "C"
    END
$$;

-- As `bot.text.urls.host`, without `www.`.
CREATE OR REPLACE FUNCTION site(url TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(regexp_replace(trim(BOTH '[]' FROM
        substring(lower(url) FROM '^https?://(?:[^/?#@]*@)?(\[[^]/?#]*\]|[^:/?#]*)')), '^www\.', ''), '')
$$;
