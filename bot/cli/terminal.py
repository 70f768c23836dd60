"""The process of a command: what it shows on which stream, how it runs, and with which status it ends."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from babel.dates import format_timedelta
from typer.core import TyperCommand

from bot.cli.stop_signals import SHORT_STOP_SECONDS, STOP_SECONDS, StopSignals
from bot.client import logs
from bot.core.settings import Settings
from bot.core.settings_reading import WrongSettings, read_settings, unknown_settings
from bot.store import DatabaseMissing, DatabaseMoved, StoreError, use_keys
from bot.text.discord_text import to_plain_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

T = TypeVar("T")

log = logging.getLogger(__name__)

FAILED = 1
USAGE_ERROR = 2

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_GIVEN_BACK = 2**17  # bytes

_QUERY = re.compile(r"-[^-\s][^\s]|-[\"'“«(]")
_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO})

TIME_FORMAT = "%Y-%m-%d %H:%M"


class QueryCommand(TyperCommand):
    """A command with a query that may begin with a dash: `-word` is no option, and none is that short."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  # typer has its own click
        """Let the query stand behind the options."""
        valued = {name for each in self.params if not getattr(each, "is_flag", True) for name in each.opts}
        options = args[: args.index("--")] if "--" in args else args
        queries = [
            number
            for number, word in enumerate(options)
            if _QUERY.match(word) and (not number or options[number - 1] not in valued)
        ]
        if queries:
            rest = [word for number, word in enumerate(options) if number not in queries]
            args = [*rest, "--", *(options[number] for number in queries), *args[len(options) + 1 :]]
        return super().parse_args(ctx, args)


def _messages() -> Console:
    """For people: words, progress, errors."""
    from rich.console import Console  # noqa: PLC0415 - two megabytes that a bot seldom needs

    return Console(stderr=True, highlight=False, soft_wrap=True)


def echo_stderr(message: str) -> None:
    """A line for the person at the terminal, on standard error."""
    from rich.text import Text  # noqa: PLC0415 - see above

    _messages().print(Text(message))


def echo_stdout(line: str) -> None:
    """A line for the next program, on standard output."""
    sys.stdout.write(line + "\n")


def progress() -> Progress:
    """A progress bar on standard error; nothing is drawn where that is not a terminal."""
    from rich.progress import (  # noqa: PLC0415 - see above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    messages = _messages()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    )


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, lines: bool = False
) -> None:
    """A table on standard output. Cells are shown as they are, never read as markup."""
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    drawn = Table(title=title, title_justify="left", show_lines=lines, expand=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(to_plain_line(cell)) if isinstance(cell, str) else cell for cell in row))
    Console(file=sys.stdout, highlight=False).print(drawn)


def format_time(timestamp: int | None) -> str:
    """A time in the machine's own time zone, or a dash."""
    if timestamp is None:
        return "–"
    return datetime.fromtimestamp(timestamp, UTC).astimezone().strftime(TIME_FORMAT)


def format_relative_time(timestamp: int | None, now: int) -> str:
    """How long before (or after) now a time lies, in English, or a dash."""
    if timestamp is None:
        return "–"
    return format_timedelta(timestamp - now, add_direction=True, locale="en")


def exit_with_error(message: str, status: int = FAILED) -> NoReturn:
    """Say why and end the process with that exit status."""
    echo_stderr(message)
    raise typer.Exit(status)


def load_settings_or_exit(*, starts_log: bool = False, **values: str) -> Settings:
    """Read the settings, some as given; where some are wrong, say so and end the process with status 2.

    Warn of those that Telex does not know: on standard error, in the log where that `starts_log`.
    """
    unknown: list[str] = []
    try:
        unknown = unknown_settings()
        settings = read_settings(**values)
    except WrongSettings as error:
        exit_with_error("\n".join([*unknown, str(error)]), USAGE_ERROR)
    if starts_log:
        logs.configure_logging(settings)
    for sentence in unknown:
        (log.warning if starts_log else echo_stderr)(sentence)
    use_keys(settings.secret_key)
    return settings


def _tune_malloc() -> None:
    """Have the C library keep no heap for each thread, and give back what is large once it is free.

    What one thread frees, the others could not use; they take turns by the interpreter's lock, so that they
    seldom wait for one another here. Left alone, it keeps the more the larger the documents are that come
    along. See mallopt(3); other libraries than glibc have nothing of the kind.
    """
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)
        library.mallopt(_M_TRIM_THRESHOLD, _GIVEN_BACK)


def run_async(work: Callable[[], Coroutine[None, None, T]], *, endless: bool = False) -> T:
    """Run a coroutine to its end. SIGTERM or Ctrl-C ends it; errors of file and store become words.

    To be stopped is how `endless` work is done; any other was not done when it is stopped.
    """
    signals = StopSignals(STOP_SECONDS if endless else SHORT_STOP_SECONDS)

    async def stoppable() -> T:
        task = asyncio.current_task()
        assert task is not None
        signals.cancels(task)
        return await work()

    if endless:  # what is loaded by now stays: the collector, which halts the event loop, is to pass it by
        gc.collect()
        gc.freeze()
        _tune_malloc()
    try:
        with signals.handled():
            return asyncio.run(stoppable())
    except StoreError as error:
        exit_with_error(
            str(error), USAGE_ERROR if isinstance(error, DatabaseMissing | DatabaseMoved) else FAILED
        )
    except asyncio.CancelledError:
        if endless:
            raise typer.Exit(0) from None
        exit_with_error("Stopped before it finished.")
    except OSError as error:
        if error.filename is None:
            raise
        exit_with_error(f"{error.filename}: {error.strerror}")


@contextmanager
def guard_stdout() -> Iterator[None]:
    """Fail, with a word, when standard output cannot take all that is written to it.

    How: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    if sys.stdout is None:  # it was closed before the start
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the end of the process
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            echo_stderr(f"standard output: {error.strerror}")
        raise SystemExit(FAILED) from None
