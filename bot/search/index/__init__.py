"""The search engine: a port, tantivy behind it, and the index that follows the store.

In: articles and query trees. Out: hits.
"""
