"""Search: from a query to the matching articles, best first.

Input: the text of a query and the ids of the feeds that the user may read. Output: articles with snippets,
notes and suggestions, which are data without markup.
"""
