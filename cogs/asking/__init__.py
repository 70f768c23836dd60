"""Questions: /ask, mentions, direct messages, the buttons under answers and votes on them."""
