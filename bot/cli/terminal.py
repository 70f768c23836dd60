"""The process of a command: its streams, its event loop and its exit status."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from babel.dates import format_timedelta
from typer.core import TyperCommand

from bot.cli.stop_signals import SHORT_STOP_SECONDS, STOP_SECONDS, StopSignals
from bot.client import logs
from bot.core.settings import Settings
from bot.core.settings_reading import InvalidSettings, build_unknown_setting_warnings, read_settings
from bot.processes.heap import tune_heap
from bot.store import DatabaseMissing, DatabaseMoved, StoreError, set_encryption_keys
from bot.text.discord_text import to_plain_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

T = TypeVar("T")

log = logging.getLogger(__name__)

FAILURE_STATUS = 1
"""Exit status of a command that failed."""
USAGE_ERROR_STATUS = 2
"""Exit status of a command with wrong arguments or settings."""

_EXCLUDED_WORD_PATTERN = re.compile(r"-[^-\s][^\s]|-[\"'“«(]")
_WRITE_FAILURE_ERRNOS = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO})

TIME_FORMAT = "%Y-%m-%d %H:%M"
"""Format for printing local times, as for `strftime`."""


class QueryCommand(TyperCommand):
    """Command whose query may have words that begin with a dash, to exclude articles with these words.

    Such a word (`-word`) is no option, because an option is either one letter after a dash or begins with two dashes.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  # typer bundles its own click
        """Move the words that begin with a dash, but are no options, behind `--`, then parse the arguments."""
        option_names_with_value = {
            option_name
            for parameter in self.params
            if not getattr(parameter, "is_flag", True)
            for option_name in parameter.opts
        }
        leading_args = args[: args.index("--")] if "--" in args else args
        excluded_word_indexes = [
            index
            for index, argument in enumerate(leading_args)
            if _EXCLUDED_WORD_PATTERN.match(argument)
            and (not index or leading_args[index - 1] not in option_names_with_value)
        ]
        if excluded_word_indexes:
            args = [
                *(argument for index, argument in enumerate(leading_args) if index not in excluded_word_indexes),
                "--",
                *(leading_args[index] for index in excluded_word_indexes),
                *args[len(leading_args) + 1 :],
            ]
        return super().parse_args(ctx, args)


def _create_stderr_console() -> Console:
    """Return the console for messages to people, on standard error."""
    from rich.console import Console  # noqa: PLC0415 - 2 MB that a running bot seldom needs

    return Console(stderr=True, highlight=False, soft_wrap=True)


def echo_stderr(message: str) -> None:
    """Print a message for people on standard error."""
    from rich.text import Text  # noqa: PLC0415 - 2 MB that a running bot seldom needs

    _create_stderr_console().print(Text(message))


def echo_stdout(line: str) -> None:
    """Print a line of output on standard output."""
    sys.stdout.write(line + "\n")


def embolden(text: str) -> str:
    """Return a text in bold if standard output is a terminal; otherwise unchanged."""
    return typer.style(text, bold=True) if sys.stdout.isatty() else text


def create_progress_bar() -> Progress:
    """Return a progress bar on standard error; it is invisible unless standard error is a terminal."""
    from rich.progress import (  # noqa: PLC0415 - 2 MB that a running bot seldom needs
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = _create_stderr_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def print_table(
    title: str, column_titles: Sequence[str], rows: Iterable[Sequence[str | Text]], *, has_row_lines: bool = False
) -> None:
    """Print a table on standard output; strings in cells are plain text, never markup."""
    from rich.console import Console  # noqa: PLC0415 - 2 MB that a running bot seldom needs
    from rich.table import Table  # noqa: PLC0415 - 2 MB that a running bot seldom needs
    from rich.text import Text  # noqa: PLC0415 - 2 MB that a running bot seldom needs

    rich_table = Table(title=title, title_justify="left", show_lines=has_row_lines, expand=False)
    for column_title in column_titles:
        rich_table.add_column(column_title, overflow="fold")
    for row in rows:
        rich_table.add_row(*(Text(to_plain_line(cell)) if isinstance(cell, str) else cell for cell in row))
    Console(file=sys.stdout, highlight=False).print(rich_table)


def format_time(timestamp: int | None) -> str:
    """Format a Unix time in seconds in the machine's time zone, or None as a dash."""
    if timestamp is None:
        return "–"
    return datetime.fromtimestamp(timestamp, UTC).astimezone().strftime(TIME_FORMAT)


def format_relative_time(timestamp: int | None, now: int) -> str:
    """Format the distance of a Unix time in seconds from `now` in English, or None as a dash."""
    if timestamp is None:
        return "–"
    return format_timedelta(timestamp - now, add_direction=True, locale="en")


def exit_with_error(message: str, status: int = FAILURE_STATUS) -> NoReturn:
    """Print a message on standard error and exit with a status."""
    echo_stderr(message)
    raise typer.Exit(status)


def load_settings_or_exit(*, starts_log: bool = False, **overrides: str) -> Settings:
    """Read the settings with overrides, and set the encryption keys; if settings are invalid, print why and exit (2).

    With `starts_log`, valid settings configure the log, to which warnings of unknown settings then go; otherwise
    these go to standard error.
    """
    warnings: list[str] = []
    try:
        warnings = build_unknown_setting_warnings()
        settings = read_settings(**overrides)
    except InvalidSettings as error:
        exit_with_error("\n".join([*warnings, str(error)]), USAGE_ERROR_STATUS)
    if starts_log:
        logs.configure_logging(settings)
    for warning in warnings:
        (log.warning if starts_log else echo_stderr)(warning)
    set_encryption_keys(settings.secret_key)
    return settings


def run_async(coroutine_function: Callable[[], Coroutine[None, None, T]], *, runs_until_stopped: bool = False) -> T:
    """Run a coroutine to its end and return its result; SIGTERM cancels it as Ctrl-C does.

    If the coroutine is cancelled, the command exits: with `runs_until_stopped` as success (status 0), otherwise as
    failure. On StoreError, and on OSError with a file name, it exits with a message. Raises any other error.
    """
    stop_signals = StopSignals(STOP_SECONDS if runs_until_stopped else SHORT_STOP_SECONDS)

    async def run_stoppably() -> T:
        task = asyncio.current_task()
        assert task is not None
        stop_signals.cancel_on_signal(task)
        return await coroutine_function()

    if runs_until_stopped:  # Loaded objects stay alive; the collector, which halts the loop, need not visit them.
        gc.collect()
        gc.freeze()
        tune_heap()
    try:
        with stop_signals.install():
            return asyncio.run(run_stoppably())
    except StoreError as error:
        exit_with_error(
            str(error), USAGE_ERROR_STATUS if isinstance(error, DatabaseMissing | DatabaseMoved) else FAILURE_STATUS
        )
    except asyncio.CancelledError:
        if runs_until_stopped:
            raise typer.Exit(0) from None
        exit_with_error("Stopped before it finished.")
    except OSError as error:
        if error.filename is None:
            raise
        exit_with_error(f"{error.filename}: {error.strerror}")


@contextmanager
def guard_stdout() -> Iterator[None]:
    """Exit with the status of a failure if standard output cannot take all that is written within the block.

    A message says why, unless the reader of a pipe has closed it.

    See https://docs.python.org/3/library/signal.html#note-on-sigpipe.
    """
    if sys.stdout is None:  # It was closed before the start.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # Stays open until the process ends
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _WRITE_FAILURE_ERRNOS:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            echo_stderr(f"standard output: {error.strerror}")
        raise SystemExit(FAILURE_STATUS) from None
