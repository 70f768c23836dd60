"""Repositories of users: bookmarks, watches, questions, feedback and personal digests."""
