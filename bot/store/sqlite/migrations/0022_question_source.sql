CREATE TABLE question_source (                 -- the articles that a question was answered from
    question_id INTEGER NOT NULL REFERENCES question (id) ON DELETE CASCADE,
    place       INTEGER NOT NULL,              -- from 0 on, in the order in which they were quoted
    article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (question_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX question_source_article ON question_source (article_id);
