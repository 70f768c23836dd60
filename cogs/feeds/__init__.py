"""Followed feeds of a server: /feed and /why."""
