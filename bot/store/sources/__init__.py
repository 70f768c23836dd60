"""Feeds: their polls, what they bring too much of, hubs that push, icons of outlets."""
