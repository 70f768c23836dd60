-- Posts of a channel may appear under the outlet's name and icon, by a webhook of the channel.
ALTER TABLE channel ADD COLUMN as_outlet INTEGER NOT NULL DEFAULT 0 CHECK (as_outlet IN (0, 1));
ALTER TABLE dispatch ADD COLUMN webhook_id INTEGER;  -- what it was sent by, or is being; NULL: by the bot
