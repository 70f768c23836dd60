"""The database layer: all SQL of Telex, hidden from the packages above it.

Two engines run the same statements: `sqlite` (one file for one process, the default) and `postgres` (a server
shared by several processes). Statements use the SQL that both understand; code for one engine is in its
package. Each part is a `Repository`. Its methods marked `@read_transaction` or `@write_transaction` are
functions of a connection that run on the connection's thread, in one transaction whose time is `db.now`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bot.store.store_errors import (
    DatabaseBroken,
    DatabaseFault,
    DatabaseMissing,
    DatabaseMoved,
    DatabaseUnusable,
    LeaseLost,
    NewerDatabase,
    ProcessMustEnd,
    StoreError,
)

if TYPE_CHECKING:
    from bot.store.facade import WRITE_RETRY_SECONDS, ErasureReport, Store, has_encryption_key, set_encryption_keys

__all__ = [
    "WRITE_RETRY_SECONDS",
    "DatabaseBroken",
    "DatabaseFault",
    "DatabaseMissing",
    "DatabaseMoved",
    "DatabaseUnusable",
    "ErasureReport",
    "LeaseLost",
    "NewerDatabase",
    "ProcessMustEnd",
    "Store",
    "StoreError",
    "has_encryption_key",
    "set_encryption_keys",
]


def __getattr__(name: str) -> object:
    """Return an exported name of the `facade` module, which is imported on first use.

    This saves 11 MB in a worker that needs only the records. Raises AttributeError if the name is not in `__all__`.
    """
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("bot.store.facade"), name)
