"""Search index: the interface of the search engine, its implementation, and its updates from the store.

The implementation uses tantivy. Input: articles and parsed queries. Output: hits (ids of matching articles
with scores).
"""
