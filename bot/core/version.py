"""The version of Telex, in a module by itself, so that workers need not import it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("telex")
except PackageNotFoundError:  # A source tree that was never installed
    __version__ = "0.0.0"
