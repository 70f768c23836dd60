"""What can be wrong with a database, each said in a sentence for the person who runs Telex."""


class StoreError(Exception):
    """The database did not do what was asked. The message is a sentence for a person."""


class DatabaseFault(StoreError):
    """Something is wrong with the file or its disk. Where the bot runs, the store has said it to the log."""


class DatabaseUnusable(DatabaseFault):
    """The file cannot be used: read-only, full disk, no permission, locked, or no database of Telex's."""


class DatabaseGone(DatabaseUnusable):
    """The file is not there any more, or another is in its place."""


class DatabaseMissing(DatabaseUnusable):
    """There is no database at a place where one was to be read."""

    def __init__(self, place: object) -> None:
        super().__init__(
            f"There is no database at {place}. TELEX_DATABASE says where it is; `telex run` and "
            "`telex migrate` make a new one."
        )


class DatabaseMoved(DatabaseUnusable):
    """What the database held was moved to another, which says since what was posted."""

    def __init__(self, place: object, target: str) -> None:
        super().__init__(
            f"The database {place} was moved to {target}: set TELEX_DATABASE to that one. To go back to this "
            "one, stop the bot there and start `telex run --again` once: it first reads back from the "
            "channels what was posted since."
        )


class DatabaseBroken(DatabaseFault):
    """The file is damaged."""


class DatabaseReplaced(DatabaseBroken):
    """Another server answers now, which may lack what was written last: only a new start finds out."""


class NewerDatabase(StoreError):
    """The file was written by a later version of Telex."""


class AlreadyRunning(StoreError):
    """Another running bot has this database, or this one has to start anew: it is to end."""


class LeaseLost(StoreError):
    """What was to be written is another process's by now: nothing of it was."""
