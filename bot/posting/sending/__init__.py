"""One dispatch and Discord: where it goes, how fast, and what came of it."""
