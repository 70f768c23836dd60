"""The commands of `telex` on the whole database: JSON Lines in and out, copies, migrations."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from bot.cli import article_files, terminal
from bot.cli.stored_news import encode, with_store
from bot.cli.terminal import FAILED, WRONG_USE, settings_or_stop, stop, wait_for
from bot.client.services import open_newsroom
from bot.core.clock import SystemClock
from bot.core.database_server import DatabaseServer, parse_place
from bot.polling.article_lines import FIELDS
from bot.store import Store
from bot.text.safe import plain

commands = typer.Typer()


@contextmanager
def _reading(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as lines:
        yield lines


@contextmanager
def _writing(file: Path) -> Iterator[TextIO]:
    """Standard output for `-`, else a file that takes its name only when it is complete."""
    if str(file) == "-":
        yield sys.stdout
        return
    unfinished = file.with_name(file.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="\n") as lines:
        yield lines
    unfinished.replace(file)


@commands.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='Articles as JSON Lines; "-" is standard input.')
    ],
) -> None:
    """Import articles from JSON Lines. Safe to repeat: existing articles stay as they are."""
    settings = settings_or_stop()

    async def work() -> article_files.Imported:
        async with open_newsroom(settings) as newsroom:
            with terminal.progress() as bar:
                task = bar.add_task("importing", total=None)
                with _reading(file) as lines:
                    done = await article_files.import_lines(
                        newsroom, lines, on_progress=lambda done: bar.update(task, completed=done)
                    )
            await encode(newsroom.meaning)
            return done

    done = wait_for(work)
    for problem in done.problems:
        terminal.say(f"line {problem.line}: {problem.reason}")
    if done.others:
        names = ", ".join(f"{plain(name, 60)} ({count})" for name, count in done.others.most_common())
        terminal.say(f"Ignored fields, with their lines: {names}. Known: {', '.join(FIELDS)}.")
    terminal.say(f"{done.stored} stored, {done.known} already known, {done.rejected} rejected.")
    if done.rejected:
        raise typer.Exit(FAILED)


@commands.command()
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='Where to write JSON Lines; "-" is standard output.')
    ],
) -> None:
    """Write all articles as JSON Lines, oldest first."""

    async def work(store: Store) -> int:
        with _writing(file) as lines:
            return await article_files.export(store, lines)

    terminal.say(f"{with_store(work)} articles exported.")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write; must not exist yet.")],
) -> None:
    """Copy the database while the bot runs, and check the copy."""
    with_store(lambda store: store.backup(file))
    terminal.say(f"Copied to {file} and verified.")


@commands.command()
def move(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="The current database: a file, or postgresql://…")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The empty database to fill: postgresql://…, or a file.")
    ],
) -> None:
    """Move everything from a file to a PostgreSQL server, or back.

    Stop the bot first. Cut short, it goes on when run again; at the end every row is compared.
    """
    from_, to = _place(source), _place(target)
    if isinstance(from_, Path) == isinstance(to, Path):
        stop("One of the two is a file, the other a PostgreSQL server: postgresql://…", WRONG_USE)
    if isinstance(from_, Path) and not from_.is_file():
        stop(f"There is no database at {from_.absolute()}.", WRONG_USE)

    async def work() -> int:
        with terminal.progress() as bar:
            task = bar.add_task("moving", total=None)
            return await Store.move(
                from_, to, SystemClock(), lambda done, total: bar.update(task, completed=done, total=total)
            )

    rows = wait_for(work)
    terminal.say(
        f"{rows} rows moved and compared. Set TELEX_DATABASE to the new database: the old one is marked as "
        "moved, and `telex run` refuses it. The search index is rebuilt on first use."
    )


def _place(text: str) -> Path | DatabaseServer:
    try:
        return parse_place(text)
    except ValueError as error:
        stop(f"{error}.", WRONG_USE)


@commands.command()
def migrate() -> None:
    """Upgrade the database to this version and check it."""
    version = with_store(lambda store: store.check(), create=True)
    terminal.say(f"The database is intact, at version {version}.")
