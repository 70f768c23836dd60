"""Searching, reading and keeping articles: /search, /latest, /bookmarks, /trends."""
