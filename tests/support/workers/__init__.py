"""Worker pools for tests, and functions that tests have workers call."""
