"""Outbox to message: the courier sends what is owed, each once, and finds out what became of it.

In: dispatches. Out: Discord messages, and their record.
"""
