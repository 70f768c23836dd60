"""Feeds polled, their entries taken in, article pages read.

In: due feeds. Out: articles, and the dispatches they cause, written in one transaction.
"""
