"""Stories: which articles report the same event.

Input: new articles, and those of the last days. Output: similar articles.
"""
