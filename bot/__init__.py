"""Telex: a newsroom for Discord servers. `docs/ARCHITECTURE.md` is the tour of the house."""

from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
"""Folder of the files that come with Telex, beside this package."""
