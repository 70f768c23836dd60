"""Digests, trends and their charts.

In: the articles of a day or a week. Out: an edition to be rendered, pictures of what is rising.
"""
