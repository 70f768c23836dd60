"""What channels posted, as feeds for the web: Atom, RSS and JSON Feed."""
