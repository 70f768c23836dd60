"""Vague questions (“what's new with…”) answered by the biggest stories of a time."""
