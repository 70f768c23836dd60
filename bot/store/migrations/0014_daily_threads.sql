-- A channel may have its posts in a thread of the day.
ALTER TABLE channel ADD COLUMN daily_thread INTEGER NOT NULL DEFAULT 0 CHECK (daily_thread IN (0, 1));
CREATE TABLE daily_thread (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,                  -- in the server's time zone, such as 2026-11-24
    thread_id  INTEGER NOT NULL,
    PRIMARY KEY (channel_id, day)
) STRICT, WITHOUT ROWID;
