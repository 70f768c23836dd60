"""Which articles tell one story.

In: new articles and those of the last days. Out: which of them report the same event.
"""
