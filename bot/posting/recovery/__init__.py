"""After a crash or a restored backup: what was sent is read back before anything is sent again."""
