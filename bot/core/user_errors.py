"""What a person is refused."""

from enum import StrEnum


class UserFacingError(Exception):  # a "no" to a person is not an error of ours
    """A sentence for the person who asked, already in their language."""


class RequestRejected(Exception):
    """A room's "no" to a person: the reason, and what its sentence names; `posting.wording` has it."""

    def __init__(self, reason: StrEnum, **values: str | int) -> None:
        super().__init__(reason, values)
        self.reason = reason
        self.values = values
