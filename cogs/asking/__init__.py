"""Questions: /ask, mentions, and votes on answers."""
