-- Milliseconds since 1970 by the clock of the server, the one clock of all that use it.
CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT $$;
