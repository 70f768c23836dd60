"""Coverage-guided fuzzing of what strangers can send, one target for each boundary: `python -m tests.fuzz.run`."""
