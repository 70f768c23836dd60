"""Briefings: answers to requests for news ("what's new with…") with the biggest stories of a period."""
