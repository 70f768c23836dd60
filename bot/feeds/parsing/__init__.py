"""Documents to entries: RSS, Atom, JSON Feed, and lists of feeds as OPML. Runs in a worker."""
