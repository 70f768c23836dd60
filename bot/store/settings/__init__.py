"""Repositories of what servers choose: preferences, subscriptions, filters, tokens and the change history."""
