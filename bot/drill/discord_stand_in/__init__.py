"""Stand-in for Discord: its gateway and REST API on loopback, as far as Telex needs them."""
