"""Delivery of one dispatch (queued message) to Discord: the channel or user, the rate limits, and the outcome."""
