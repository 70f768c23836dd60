-- Posts of a channel mention a role if they match a query, and each post keeps what came of that.
CREATE TABLE mention_rule (
    channel_id  INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    role_id     INT NOT NULL,
    query       TEXT NOT NULL,  -- in the search syntax, one line
    daily_limit INT NOT NULL,  -- mentions of the role by rules of any channel
    PRIMARY KEY (channel_id, role_id, query)
);

CREATE INDEX mention_rule_role ON mention_rule (role_id);

CREATE TABLE post_mention (
    dispatch_id INT NOT NULL REFERENCES dispatch (id) ON DELETE CASCADE,
    role_id     INT NOT NULL,
    query       TEXT NOT NULL,  -- of the rule
    outcome     TEXT NOT NULL CHECK (outcome IN ('mentioned', 'over-limit', 'not-allowed')),
    decided_at  INT NOT NULL,
    PRIMARY KEY (dispatch_id, role_id)
);

CREATE INDEX post_mention_role ON post_mention (role_id, decided_at);
