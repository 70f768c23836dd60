"""From a query to the articles that match it, the best first.

In: what a person typed and the feeds that they may read.
Out: hits, excerpts and suggestions: data, no markup.
"""
