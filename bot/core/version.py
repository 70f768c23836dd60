"""The version of Telex, in a module of its own that workers need not import."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("telex")
except PackageNotFoundError:  # A source tree that was never installed
    __version__ = "0.0.0"
