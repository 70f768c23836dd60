"""Pages of the web: their article, their discussion, the feeds and lists that they offer.

In: HTML. Out: text, entries, addresses. Runs in a worker.
"""
