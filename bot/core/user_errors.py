"""Errors whose message is shown to the user who asked."""

from bot.core.reasons import Reason, ReasonCode, ReasonValue


class UserFacingError(Exception):  # Named after what users see: it is no fault of Telex.
    """Error whose message is a sentence for the user who asked, in that user's language."""


class RequestRejected(Exception):
    """Error raised when a domain module rejects a request, with the reason."""

    def __init__(self, code: ReasonCode, **values: ReasonValue) -> None:
        super().__init__(code, values)
        self.reason = Reason(code, values)
