"""Searching, reading and bookmarking articles: /search, /latest, /bookmarks, /trends."""
