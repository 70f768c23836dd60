"""Briefings: requests for news ("what's new with…") answered with the biggest stories of a period."""
