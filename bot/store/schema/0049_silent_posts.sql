-- Posts of a channel that mention no role may arrive without a notification.
ALTER TABLE channel ADD COLUMN silent_posts INT NOT NULL DEFAULT 0 CHECK (silent_posts IN (0, 1));
