-- Stories of which a channel, or a person's direct messages, get no more articles.
CREATE TABLE story_mute (
    id          ID NEVER REUSED,  -- an old Undo button must never end another mute
    channel_id  INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    server_id   INT REFERENCES server (id) ON DELETE SET NULL,  -- whose feeds can extend the story
    user_id     INT,  -- who muted it; NULL after they deleted their data
    title       TEXT NOT NULL,
    lead        TEXT NOT NULL,
    language    TEXT,
    published   INT NOT NULL,
    created_at  INT NOT NULL,
    muted_until INT,  -- NULL: until it is undone
    ended_at    INT  -- when it was undone; kept for a while, for /why
);

CREATE INDEX story_mute_channel ON story_mute (channel_id);
CREATE INDEX story_mute_server ON story_mute (server_id);
CREATE INDEX story_mute_user ON story_mute (user_id);

CREATE TABLE muted_article (
    mute_id       INT NOT NULL REFERENCES story_mute (id) ON DELETE CASCADE,
    article_id    INT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    extends_story INT NOT NULL CHECK (extends_story IN (0, 1)),  -- new articles are compared with it
    PRIMARY KEY (mute_id, article_id)
);

CREATE INDEX muted_article_article ON muted_article (article_id);
