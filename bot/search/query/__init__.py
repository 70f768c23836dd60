"""What people type, read into a tree, and the tree matched against one article.

In: text or a command's options. Out: a `Query`, with notes on how it was read.
"""
