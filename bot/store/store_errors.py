"""Exceptions of the store, each with a sentence for the operator as its message."""


class StoreError(Exception):
    """Error raised when a database operation failed."""


class DatabaseFault(StoreError):
    """Failure of the database, its disk or its server, which the store has logged."""


class DatabaseUnusable(DatabaseFault):
    """Error for a database that cannot be used.

    It is read-only, locked or unreachable, its disk is full, a permission is missing, or another program
    created it.
    """


class DatabaseFileGone(DatabaseUnusable):
    """Failure: the database file was deleted or replaced while in use."""


class DatabaseMissing(DatabaseUnusable):
    """Error raised when there is no database at the configured location."""

    def __init__(self, location: object) -> None:
        super().__init__(
            f"There is no database at {location}. TELEX_DATABASE says where it is; `telex run` and "
            "`telex migrate` make a new one."
        )


class DatabaseMoved(DatabaseUnusable):
    """Error for a database that was moved to another location, which has the later posts."""

    def __init__(self, location: object, target_location: str) -> None:
        super().__init__(
            f"The database {location} was moved to {target_location}: set TELEX_DATABASE to that "
            f"one. To go back to this "
            "one, stop the bot there and start `telex run --again` once: it first reads back from the "
            "channels what was posted since."
        )


class DatabaseBroken(DatabaseFault):
    """Failure: the database is damaged."""


class OtherServerAnswers(DatabaseBroken):
    """Failure: another database server answers now, which may lack the latest writes.

    Only a restart can find out which writes are missing.
    """


class NewerDatabase(StoreError):
    """Error for a database that was written by a later version of Telex."""


class ProcessMustEnd(StoreError):
    """Error raised when this process must end: another bot uses the database, or a restart is needed."""


class LeaseLost(StoreError):
    """Error of a write that was refused because another process now owns the lease (sole right) that it needs."""
