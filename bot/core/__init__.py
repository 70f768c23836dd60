"""Models, settings, clock, rules of the outbox (messages to send), concurrency and translations for all packages."""
