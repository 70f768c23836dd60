"""Which Telex this is. Apart, for workers need not load what finds it out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("telex")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
