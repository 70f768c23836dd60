"""Conversations: rate limits on questions, follow-up questions, and intents of messages."""
