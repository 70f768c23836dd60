"""Delivery of one dispatch to Discord: its target, the rate limits, and the outcome."""
