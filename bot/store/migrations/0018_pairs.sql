-- Words that stand beside each other, for phrases: a list of each pair, where those of its words are long.
CREATE VIRTUAL TABLE pair_terms USING fts5 (
    pairs, content = '', detail = 'none', columnsize = 0, tokenize = "unicode61 remove_diacritics 0"
);
-- Parts of an index are merged as soon as there are two of a size.
INSERT INTO article_terms (article_terms, rank) VALUES ('usermerge', 2);
INSERT INTO title_terms (title_terms, rank) VALUES ('usermerge', 2);
INSERT INTO pair_terms (pair_terms, rank) VALUES ('usermerge', 2);
-- So that it is filled:
DELETE FROM meta WHERE name = 'terms_version';
