"""Exceptions of the store, each with a sentence for the operator as its message."""


class StoreError(Exception):
    """A database operation failed."""


class DatabaseFault(StoreError):
    """The database, its disk or its server failed; the store has logged it."""


class DatabaseUnusable(DatabaseFault):
    """The database cannot be used: read-only, disk full, no permission, locked, unreachable, not Telex's."""


class DatabaseGone(DatabaseUnusable):
    """The database file was deleted or replaced while in use."""


class DatabaseMissing(DatabaseUnusable):
    """There is no database at the configured location."""

    def __init__(self, location: object) -> None:
        super().__init__(
            f"There is no database at {location}. TELEX_DATABASE says where it is; `telex run` and "
            "`telex migrate` make a new one."
        )


class DatabaseMoved(DatabaseUnusable):
    """The database was moved to another location, which records what was posted since."""

    def __init__(self, place: object, target: str) -> None:
        super().__init__(
            f"The database {place} was moved to {target}: set TELEX_DATABASE to that one. To go back to this "
            "one, stop the bot there and start `telex run --again` once: it first reads back from the "
            "channels what was posted since."
        )


class DatabaseBroken(DatabaseFault):
    """The database is damaged."""


class DatabaseReplaced(DatabaseBroken):
    """Another server answers now, which may lack the latest writes; only a restart can reconcile them."""


class NewerDatabase(StoreError):
    """The database was written by a later version of Telex."""


class AlreadyRunning(StoreError):
    """Another running bot has this database, or this process must restart; it must end either way."""


class LeaseLost(StoreError):
    """Another process owns the lease by now; nothing was written."""
