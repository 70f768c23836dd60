"""Filters: what a feed, a channel or the server posts only, or never."""
