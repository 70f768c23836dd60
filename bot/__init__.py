"""Telex, a Discord bot that posts news from feeds and answers questions about it; see `docs/ARCHITECTURE.md`."""

from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
"""Folder of the files that come with Telex, beside this package."""
