"""Search: from the text of a query to the matching articles, best first.

Input: the text of a query and the ids of the feeds that the user may read. Output: articles with snippets,
notes on how the query was understood, and suggested corrections, all of them data without markup.
"""
