"""Cogs that run the bot: background tasks, health, server events, help and privacy."""
