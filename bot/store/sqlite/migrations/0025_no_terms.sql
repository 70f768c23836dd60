-- Search reads an index of its own, which follows article_change.
DROP TABLE article_vocabulary;
DROP TABLE article_terms;
DROP TABLE title_terms;
DROP TABLE pair_terms;
DROP TABLE completion;
DROP INDEX article_facts;
DELETE FROM meta WHERE name IN ('terms_version', 'completions_filled');
