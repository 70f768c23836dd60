-- How many articles an index of meanings holds is asked often, and other processes have theirs.
CREATE INDEX encoded_article_by_index ON encoded_article (stamp);
