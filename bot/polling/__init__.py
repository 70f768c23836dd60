"""Polling of feeds, intake of their entries, fetching of articles' pages.

Input: due feeds. Output: articles and their dispatches, written in one transaction.
"""
