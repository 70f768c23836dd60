"""Fetching, discovery and parsing of feeds and web pages, robots.txt and poll intervals.

Input: a URL. Output: entries, or a FeedError with a code.
"""
