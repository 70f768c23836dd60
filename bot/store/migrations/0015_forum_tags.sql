-- Which tags of a forum its posts are given.
CREATE TABLE forum_tag (
    channel_id INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    tag_id     INTEGER NOT NULL,
    query      TEXT NOT NULL,                  -- in the search syntax; '': every post
    PRIMARY KEY (channel_id, tag_id, query)
) STRICT, WITHOUT ROWID;
