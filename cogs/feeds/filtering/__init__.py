"""Filters: queries that say which articles of a feed, a channel or the server are posted, or are never posted."""
