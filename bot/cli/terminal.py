"""Output of a command: its streams, tables, times and progress."""

from __future__ import annotations

import errno
import os
import re
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer
from babel.dates import format_timedelta
from typer.core import TyperCommand

from bot.cli.command_process import FAILURE_STATUS, USAGE_ERROR_STATUS, echo_stderr, exit_with_error
from bot.text.discord_text import to_plain_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

_EXCLUDED_WORD_PATTERN = re.compile(r"-[^-\s][^\s]|-[\"'“«(]")
_MAX_ID_DIGITS = 19
"""Maximum number of digits of an id of Discord."""
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
    title: str,
    column_titles: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    has_row_lines: bool = False,
    unbroken_columns: Collection[str] = (),
) -> None:
    """Print a table on standard output; strings in cells are plain text, never markup.

    `unbroken_columns` are the titles of columns whose texts are kept on one line, so that people can copy them.
    """
    from rich.console import Console  # noqa: PLC0415 - 2 MB that a running bot seldom needs
    from rich.table import Table  # noqa: PLC0415 - 2 MB that a running bot seldom needs
    from rich.text import Text  # noqa: PLC0415 - 2 MB that a running bot seldom needs

    rich_table = Table(title=title, title_justify="left", show_lines=has_row_lines, expand=False)
    for column_title in column_titles:
        rich_table.add_column(column_title, overflow="fold", no_wrap=column_title in unbroken_columns)
    for row in rows:
        rich_table.add_row(*(Text(to_plain_line(cell)) if isinstance(cell, str) else cell for cell in row))
    Console(file=sys.stdout, highlight=False).print(rich_table)


def stack_name_on_id(name: str | None, discord_id: int) -> Text:
    """Return a cell with a name, in lines no longer than an id, above the id, so that tables fit 80 columns."""
    from rich.text import Text  # noqa: PLC0415 - 2 MB that a running bot seldom needs

    return Text("\n".join([*textwrap.wrap(to_plain_line(name or ""), _MAX_ID_DIGITS), str(discord_id)]))


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


@contextmanager
def open_output(file: Path, *, overwrite: bool) -> Iterator[TextIO]:
    """Open standard output if the path is `-`, else a file that gets its name only when it is complete.

    Devices and pipes are written directly. If writing fails, the command prints why and exits (1). Without `overwrite`,
    it also exits (2) if the file exists.
    """
    if str(file) == "-":
        yield sys.stdout
        return
    target = file.resolve()  # So that a link stays a link.
    if target.is_file() and not overwrite:
        exit_with_error(f"{file} exists already. `--overwrite` replaces it.", USAGE_ERROR_STATUS)
    is_replaced = target.is_file() or not target.exists()
    written_file = target.with_name(target.name + ".part") if is_replaced else target
    try:
        with written_file.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        if is_replaced:
            written_file.replace(target)
    except OSError as error:
        exit_with_error(f"{file}: {error.strerror}")
    finally:
        if is_replaced:
            with suppress(OSError):  # Its name is gone if it was complete, and is free if it never existed.
                written_file.unlink()


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
