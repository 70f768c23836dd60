"""How lines of the log are written: without secrets, and without what could pass for another line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from bot.text import urls

_ADDRESS = re.compile(r"\w+://[^\s'\"<>()]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_QUIET = ("discord", "aiosqlite")
"""At `debug` these log all that Discord sends and all that is written to the database, secrets too."""


class Discreet(logging.Formatter):
    """One line an event, tracebacks below it. Addresses are masked wherever they stand, also in tracebacks.

    What a publisher or a person wrote can neither begin a line of its own nor steer a terminal (CWE-117).
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The event, in one line."""
        return super().formatMessage(record).replace("\r", " ").replace("\n", " ")

    def format(self, record: logging.LogRecord) -> str:
        """The event and its traceback."""
        return _ADDRESS.sub(
            lambda match: urls.masked(match[0]), _UNPRINTABLE.sub("\ufffd", super().format(record))
        )


class Structured(Discreet):
    """One JSON object an event, for programs.

    `time` (ISO 8601, UTC), `level`, `logger`, `message` and, of an error, `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The event in one line of ASCII; without secrets, as its parent."""
        message, _line_end, traceback = super().format(record).partition("\n")
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        return json.dumps(event | ({"traceback": traceback} if traceback else {}))


def keep_quiet() -> None:
    """Hold back what libraries would log of secrets, however much is to be logged."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO)
