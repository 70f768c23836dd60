-- What a language model wrote of articles, so that it is written once.
CREATE TABLE written_text (
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('summary', 'translation')),
    language   TEXT NOT NULL,
    model      TEXT NOT NULL,
    text       TEXT NOT NULL,                  -- one line each sentence, or the title and the excerpt; '': none held
    server_id  INTEGER REFERENCES server (id) ON DELETE SET NULL,  -- for whose people it was written
    made       INTEGER NOT NULL,
    PRIMARY KEY (article_id, kind, language, model)
) STRICT, WITHOUT ROWID;

CREATE INDEX written_text_made ON written_text (made, server_id);
CREATE INDEX written_text_server ON written_text (server_id) WHERE server_id IS NOT NULL;

ALTER TABLE channel ADD COLUMN translate INTEGER NOT NULL DEFAULT 0 CHECK (translate IN (0, 1));
CREATE INDEX channel_translate ON channel (id) WHERE translate = 1;
ALTER TABLE digest ADD COLUMN summaries INTEGER NOT NULL DEFAULT 0 CHECK (summaries IN (0, 1));
