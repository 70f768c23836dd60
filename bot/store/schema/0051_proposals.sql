-- Members propose feeds, and managers decide on them in the channel for alerts.
ALTER TABLE server ADD COLUMN proposals TEXT;  -- who may propose: everyone, or the id of a role; NULL: nobody

CREATE TABLE proposal (
    id         ID NEVER REUSED,  -- an old button must never decide on another proposal
    server_id  INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    channel_id INT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,  -- where its posts would go
    url        TEXT NOT NULL,
    title      TEXT NOT NULL,
    preview    TEXT NOT NULL,  -- JSON
    created_at INT NOT NULL,
    closes_at  INT NOT NULL,
    decision   TEXT CHECK (decision IN ('approved', 'declined', 'expired', 'withdrawn')),
    decided_at INT,
    decided_by INT,  -- NULL: nobody, or a user who deleted their data
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);

CREATE INDEX proposal_server ON proposal (server_id);
CREATE INDEX proposal_channel ON proposal (channel_id);
CREATE INDEX proposal_open ON proposal (closes_at) WHERE decision IS NULL;
CREATE INDEX proposal_decided_by ON proposal (decided_by) WHERE decided_by IS NOT NULL;

CREATE TABLE proposer (
    id          ID NEVER REUSED,  -- dispatches are named after it
    proposal_id INT NOT NULL REFERENCES proposal (id) ON DELETE CASCADE,
    user_id     INT NOT NULL,
    reason      TEXT NOT NULL,
    language    TEXT NOT NULL,
    channel_id  INT NOT NULL,  -- where they proposed it
    message_id  INT,  -- with the link; NULL: proposed by command
    proposed_at INT NOT NULL,
    UNIQUE (proposal_id, user_id)
);

CREATE INDEX proposer_user ON proposer (user_id);

CREATE TABLE blocked_proposer (
    server_id  INT NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    user_id    INT NOT NULL,
    blocked_at INT NOT NULL,
    PRIMARY KEY (server_id, user_id)
);

CREATE INDEX blocked_proposer_user ON blocked_proposer (user_id);

ALTER TABLE dispatch ADD COLUMN proposal_id INT REFERENCES proposal (id) ON DELETE CASCADE;
ALTER TABLE dispatch ADD COLUMN proposer_id INT REFERENCES proposer (id) ON DELETE CASCADE;  -- who is told the outcome
CREATE INDEX dispatch_proposal ON dispatch (proposal_id) WHERE proposal_id IS NOT NULL;
CREATE INDEX dispatch_proposer ON dispatch (proposer_id) WHERE proposer_id IS NOT NULL;
