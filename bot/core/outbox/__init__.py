"""Rules of the outbox as pure functions: the states of messages and articles, and where articles go."""
