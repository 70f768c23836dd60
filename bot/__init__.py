"""Telex: a newsroom for Discord servers. `docs/ARCHITECTURE.md` is the tour of the house."""

from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
"""Where the files that come with Telex lie: beside this package, wherever the process was started."""
