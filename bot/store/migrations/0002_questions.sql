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
CREATE INDEX question_asked ON question (asked);
CREATE INDEX question_person ON question (person_id, asked);
CREATE INDEX question_channel ON question (channel_id, asked) WHERE public;
CREATE INDEX question_follows ON question (follows) WHERE follows IS NOT NULL;
CREATE INDEX question_server ON question (server_id);
CREATE INDEX question_message ON question (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX question_answer ON question (answer_id) WHERE answer_id IS NOT NULL;

CREATE TABLE vote (
    question_id INTEGER NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    person_id   INTEGER NOT NULL,
    helped      INTEGER NOT NULL CHECK (helped IN (0, 1)),
    voted       INTEGER NOT NULL,
    PRIMARY KEY (question_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX vote_person ON vote (person_id);
