"""Publication of what channels posted as web feeds: Atom, RSS and JSON Feed."""
