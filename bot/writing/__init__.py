"""Texts of an optional language model that their sources support: answers, summaries, translations.

Input: passages of articles, or a title and an excerpt, and a language. Output: sentences that were checked
against them; nothing if the service fails or its text is not supported.
"""
