"""Discovery and following of feeds, one by one or from a list."""
