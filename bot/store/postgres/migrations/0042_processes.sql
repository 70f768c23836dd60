CREATE TABLE process (  -- who runs
    id      TEXT COLLATE "C" PRIMARY KEY,
    host    TEXT COLLATE "C" NOT NULL,
    roles   TEXT COLLATE "C" NOT NULL,  -- gateway, poller, with commas
    version TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,  -- these in milliseconds by `database_time()`
    seen    BIGINT NOT NULL,  -- when it last said that it lives
    until   BIGINT NOT NULL   -- when its leases end unless it says so again
);

CREATE TABLE lease (  -- what a process works at, so that nobody else does
    kind   TEXT COLLATE "C" NOT NULL,  -- feeds, shard, upkeep
    number BIGINT NOT NULL,
    owner  TEXT COLLATE "C" NOT NULL REFERENCES process (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, number)
);

CREATE INDEX lease_owner ON lease (owner);

-- Other processes are told of what they wait for; each looks by itself too, now and then.
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
