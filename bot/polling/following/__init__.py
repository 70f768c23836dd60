"""Following feeds: found at an address, shown, followed; one, or many of a list."""
