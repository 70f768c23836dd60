"""Description of a fuzz target: a boundary that strangers reach, the check of an input, and where inputs begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

MODULE_BY_TARGET = {
    "feed": "feed_documents",
    "json-feed": "feed_documents",
    "listing": "feed_documents",
    "newsroom": "newsroom",
    "headers": "http_headers",
    "decompression": "http_bodies",
    "page": "pages",
    "page-list": "pages",
    "opml": "uploads",
    "yaml": "uploads",
    "address": "addresses",
    "search": "queries",
    "question": "queries",
    "custom-id": "custom_ids",
    "websub": "own_pages",
    "own-pages": "own_pages",
}
"""Modules of `tests.fuzz.targets` by the names of their targets; a module is imported only to run its targets."""

KILOBYTE = 1024


@dataclass(frozen=True, kw_only=True)
class FuzzTarget:
    """A boundary. `check` takes an input and raises an exception for anything that must never happen.

    `load_seeds` returns inputs to begin with. `tokens` are pieces that the mutator inserts. Mutated inputs have at most
    `max_bytes`, and of longer seeds none is used. To measure cost, inputs are lengthened to `max_cost_bytes`; 0 means
    that cost is not measured. `close` ends what the check opened, such as threads, without which a process never ends.
    """

    name: str
    check: Callable[[bytes], None]
    load_seeds: Callable[[], Iterable[bytes]]
    tokens: tuple[bytes, ...] = ()
    max_bytes: int = 16 * KILOBYTE
    max_cost_bytes: int = 64 * KILOBYTE
    max_seeds: int = 400
    close: Callable[[], None] = lambda: None


def load_target(name: str) -> FuzzTarget:
    """Import the module of a target and return the target."""
    module = import_module(f"tests.fuzz.targets.{MODULE_BY_TARGET[name]}")
    target: FuzzTarget = next(target for target in module.TARGETS if target.name == name)
    return target
