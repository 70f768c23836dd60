"""Models, settings, clock, rules of the outbox, concurrency and translations that all packages share."""
