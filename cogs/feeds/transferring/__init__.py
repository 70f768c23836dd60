"""Lists of feeds in files: import into channels, and export."""
