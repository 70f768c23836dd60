"""Rules of the outbox (messages to send) as pure functions: states of messages, and where articles go."""
