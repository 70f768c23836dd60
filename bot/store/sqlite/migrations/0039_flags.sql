-- What is 0 or 1 is compared as a number in every statement: PostgreSQL knows no other way.
DROP INDEX article_own_page;
CREATE INDEX article_own_page ON article (url) WHERE own_page = 1;
DROP INDEX question_channel;
CREATE INDEX question_channel ON question (channel_id, asked) WHERE public = 1;
DROP INDEX channel_translate;
CREATE INDEX channel_translate ON channel (id) WHERE translate = 1;
