"""From the web to entries: what may be fetched, fetching, parsing, discovery, when to ask again."""
