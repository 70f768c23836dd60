"""The bot's HTTP server: channels as feeds, WebSub callbacks, health and metrics.

Input: bounded requests of strangers. Output: documents, and pushed documents for the poller.
"""
