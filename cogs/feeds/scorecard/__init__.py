"""Scorecard of a server's feeds: which earn their place, and what to do about the others."""
