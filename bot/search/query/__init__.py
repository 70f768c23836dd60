"""Queries: parsing of the search syntax into a tree, and matching of the tree against one article.

Input: text or the options of a command. Output: a `Query`, with notes on how it was read.
"""
