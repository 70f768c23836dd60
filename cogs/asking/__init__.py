"""Questions: /ask, mentions, direct messages, and the buttons and votes under answers."""
