"""Errors that are shown to the user who asked."""

from enum import StrEnum


class UserFacingError(Exception):  # Named after what users see: it is no fault of Telex.
    """A sentence for the user who asked, already in their language."""


class RequestRejected(Exception):
    """Rejection of a request by a domain module, with the reason and the values that its sentence mentions.

    `bot.posting.wording` has the sentence of each reason.
    """

    def __init__(self, reason: StrEnum, **placeholders: str | int) -> None:
        super().__init__(reason, placeholders)
        self.reason = reason
        self.placeholders = placeholders
