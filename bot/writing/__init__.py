"""Texts by an optional language model, reduced to what their sources support.

These are answers, summaries and translations. Input: passages of articles, or a title and an excerpt, and a
language. Output: sentences that were checked against the input; nothing if the model service fails or no
sentence is supported.
"""
