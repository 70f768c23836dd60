"""Discord's gateway and REST on loopback, as far as Telex needs them."""
