"""Polling of feeds, intake of their entries, fetching of articles' pages.

Input: due feeds. Output: articles and the messages about them in the outbox, written in one transaction.
"""
