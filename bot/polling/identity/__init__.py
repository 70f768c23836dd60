"""Which entry of a feed is which article, whatever its publisher does to it."""
