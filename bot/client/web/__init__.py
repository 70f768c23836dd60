"""The bot's own HTTP server: channels as feeds, what hubs push, health and metrics.

In: requests of strangers, bounded. Out: documents, and what is pushed to the poller.
"""
