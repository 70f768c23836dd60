"""Models, settings, clock, worker processes and translations that all packages share."""
