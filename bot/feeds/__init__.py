"""The web to entries: addresses, fetching, parsing, discovery, robots.txt, when to ask again.

In: an address. Out: entries, or an error with a code.
"""
