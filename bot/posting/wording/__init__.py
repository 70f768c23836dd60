"""The sentences for what rooms below report as data."""
