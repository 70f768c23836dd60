"""Extraction from web pages: articles, discussions, links to feeds, lists of links.

Input: HTML. Output: text, entries, URLs. Runs in a worker.
"""
