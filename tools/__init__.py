"""Checks of the project's own, which run with the linters."""
