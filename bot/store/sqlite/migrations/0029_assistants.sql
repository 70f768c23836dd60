-- Tokens with which assistants read what everybody on a server may.
CREATE TABLE assistant_token (
    hash      BLOB PRIMARY KEY,
    server_id INTEGER NOT NULL REFERENCES server (id) ON DELETE CASCADE,
    created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX assistant_token_server ON assistant_token (server_id);
