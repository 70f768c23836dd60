"""The outbox: dispatches (messages to channels and users), written in the transaction that causes them."""
