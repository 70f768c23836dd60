"""The search engine: a port, its implementation on tantivy, and the updater that follows the store.

Input: articles and query trees. Output: hits.
"""
