"""Sentences for users on the codes that lower packages report."""
