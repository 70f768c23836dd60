"""Stories: groups of articles that report the same event.

Input: new articles, and the articles of the last days. Output: articles similar to the new ones.
"""
