"""Pictures of the documents, taken of the demo page in Debian's chromium."""
