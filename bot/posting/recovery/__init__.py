"""Recovery after a crash or a restored backup: looking up what was sent before anything is sent again."""
