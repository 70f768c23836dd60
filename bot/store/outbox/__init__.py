"""The outbox: dispatches to channels and users, written in the transaction that causes them."""
