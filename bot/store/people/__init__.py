"""Repositories of what users store: bookmarks, saved searches, muted stories, questions, opinions, digests and more."""
