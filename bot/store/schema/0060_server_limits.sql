-- An operator sets limits for single servers, other than those of the settings.
CREATE TABLE server_limit (
    server_id INT NOT NULL,  -- also of a server that the bot is not in
    name      TEXT NOT NULL,  -- such as feeds_per_server
    maximum   INT NOT NULL CHECK (maximum >= 0),
    PRIMARY KEY (server_id, name)
);
