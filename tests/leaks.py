"""Secrets that tests put into addresses, and a log that must not tell them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot.client.logs import RedactingFormatter

SECRETS = ("hunter2", "0123456789abcdef", "s3cr3tt0ken99")


class Eavesdropper(logging.Handler):
    """Remembers what the bot logs of a secret, tracebacks included, as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []
        self.setFormatter(RedactingFormatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(secret in line for secret in SECRETS):
            self.leaks.append(line)


@contextmanager
def eavesdropping() -> Iterator[Eavesdropper]:
    """Hear all that the bot's own code logs, at every level."""
    listening = Eavesdropper()
    ours = [logging.getLogger(name) for name in ("bot", "cogs")]
    levels = [logger.level for logger in ours]
    for logger in ours:
        logger.addHandler(listening)
        logger.setLevel(logging.DEBUG)
    yield listening
    for logger, level in zip(ours, levels, strict=True):
        logger.removeHandler(listening)
        logger.setLevel(level)
