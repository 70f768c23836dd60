CREATE TABLE opinion (                         -- what a person made of an article, where its server's taste is learnt
    server_id  INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL,
    article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    opinion    TEXT NOT NULL CHECK (opinion IN ('opened', 'liked', 'disliked')),
    given      INTEGER NOT NULL,
    PRIMARY KEY (server_id, person_id, article_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX opinion_person ON opinion (person_id);
CREATE INDEX opinion_article ON opinion (article_id);
CREATE INDEX bookmark_server ON bookmark (server_id, created) WHERE removed IS NULL;

ALTER TABLE server ADD COLUMN taste_since INTEGER;  -- when its taste was reset
