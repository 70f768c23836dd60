"""The store: SQL and nothing but SQL. Nothing above it knows an engine, a table or an error of either.

Two engines take the same statements. `sqlite` is one file for one process, the default; `postgres` a server
that other programs may use at the same time. A statement contains what both understand, as `postgres` says;
what one of them alone can do is in its room. Each part is a `Repository`: a method marked `@reads` or
`@writes` is one function of a connection, runs on its thread, and is alone from its beginning to its commit
where it writes. Its time is `db.now`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bot.store.store_errors import (
    AlreadyRunning,
    DatabaseBroken,
    DatabaseFault,
    DatabaseMissing,
    DatabaseMoved,
    DatabaseUnusable,
    LeaseLost,
    NewerDatabase,
    StoreError,
)

if TYPE_CHECKING:
    from bot.store.facade import WRITE_RETRY_SECONDS, ErasureReport, Store, has_key, use_keys

__all__ = [
    "WRITE_RETRY_SECONDS",
    "AlreadyRunning",
    "DatabaseBroken",
    "DatabaseFault",
    "DatabaseMissing",
    "DatabaseMoved",
    "DatabaseUnusable",
    "ErasureReport",
    "LeaseLost",
    "NewerDatabase",
    "Store",
    "StoreError",
    "has_key",
    "use_keys",
]


def __getattr__(name: str) -> object:
    """The front, once somebody asks for it: a worker that reads records does without engines, 11 MB."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("bot.store.facade"), name)
