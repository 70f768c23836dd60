"""Cogs that answer questions: /ask, mentions, direct messages, and buttons and votes under answers."""
