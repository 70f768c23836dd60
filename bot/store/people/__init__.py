"""What people keep and ask: bookmarks, watches, questions."""
