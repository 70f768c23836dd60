"""Sentences for users on what the lower packages report as codes and data."""
