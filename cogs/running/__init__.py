"""Background tasks, health, server events, help and privacy."""
