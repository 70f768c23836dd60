-- Who runs, and what each of them works at so that nobody else does.
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

CREATE INDEX lease_owner ON lease (owner);
