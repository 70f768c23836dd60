"""Conversion of failures of worker processes, which parse feeds and pages, to FeedError."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.core.concurrency.worker_pool import WorkerDied, WorkerTimeout
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError


@contextmanager
def translate_worker_errors() -> Iterator[None]:
    """Raise FeedError (parse-timeout, parse-died) if a worker process takes too long or dies within the block."""
    try:
        yield
    except WorkerTimeout as error:
        raise FeedError(fetch_errors.PARSE_TIMEOUT, str(error)) from error
    except WorkerDied as error:
        raise FeedError(fetch_errors.PARSER_CRASHED, str(error)) from error
