"""Commands to search, read and bookmark articles: /search, /latest, /bookmarks, /trends."""
