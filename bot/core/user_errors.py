"""Errors whose message is shown to the user who asked."""

from enum import StrEnum


class UserFacingError(Exception):  # Named after what users see: it is no fault of Telex.
    """Error whose message is a sentence for the user who asked, in that user's language."""


class RequestRejected(Exception):
    """Error raised when a domain module rejects a request, with a reason and the values for its sentence.

    The sentence of each reason is in `bot.posting.wording`.
    """

    def __init__(self, reason: StrEnum, **placeholders: str | int) -> None:
        super().__init__(reason, placeholders)
        self.reason = reason
        self.placeholders = placeholders
