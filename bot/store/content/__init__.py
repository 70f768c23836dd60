"""Repositories of articles, generated texts, page fetches, stories and the semantic index."""
