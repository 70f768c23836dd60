"""The bot's HTTP server: channels as feeds, WebSub callbacks, health and metrics.

Input: requests of strangers, limited in size and rate. Output: documents, and pushed documents for the
poller.
"""
