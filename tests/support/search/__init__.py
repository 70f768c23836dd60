"""Articles, queries and damage for tests of the search index."""
