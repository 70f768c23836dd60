"""Telex: a newsroom in one process. `docs/ARCHITECTURE.md` is the tour of the house."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

try:
    __version__ = version("telex")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"

DATA = Path(__file__).resolve().parent.parent / "data"
"""Where the files that come with Telex lie: beside this package, wherever the process was started."""
