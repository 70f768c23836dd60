-- A user's bookmarks may be read as a web feed at a secret address. The pages that users save by their links need no
-- table: they are articles of feeds with negative ids, one for each user.
CREATE TABLE bookmark_feed (
    user_id    INT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,  -- of the secret in its URLs
    language   TEXT NOT NULL,  -- of its title
    created_at INT NOT NULL
);
