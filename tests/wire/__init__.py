"""Discord on the wire, as far as Telex needs it, and what happens to a real `telex run` against it."""
