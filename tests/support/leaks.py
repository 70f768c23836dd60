"""Secrets that tests put into addresses, and a log that must not tell them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot.client.logs import RedactingFormatter

SECRETS = ("hunter2", "0123456789abcdef", "s3cr3tt0ken99")


class LeakRecorder(logging.Handler):
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
def record_leaks() -> Iterator[LeakRecorder]:
    """Hear all that the bot's own code logs, at every level."""
    recorder = LeakRecorder()
    bot_loggers = [logging.getLogger(name) for name in ("bot", "cogs")]
    levels = [logger.level for logger in bot_loggers]
    for logger in bot_loggers:
        logger.addHandler(recorder)
        logger.setLevel(logging.DEBUG)
    yield recorder
    for logger, level in zip(bot_loggers, levels, strict=True):
        logger.removeHandler(recorder)
        logger.setLevel(level)
