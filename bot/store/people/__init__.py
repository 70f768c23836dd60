"""Repositories of what users store: bookmarks, watches, muted stories, questions, opinions, proposals and digests."""
