"""What every room uses: models, settings, the clock, worker processes, the language of messages."""
