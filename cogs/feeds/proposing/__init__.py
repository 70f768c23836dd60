"""Proposals: members propose feeds, managers decide on them."""
