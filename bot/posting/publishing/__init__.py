"""Publication of what channels posted, and of users' bookmarks, as web feeds: Atom, RSS and JSON Feed."""
