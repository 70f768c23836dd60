"""Commands on the whole database: import and export, backup, move, migrations."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from bot.cli import article_files, terminal
from bot.cli.command_context import encode_with_progress, with_store
from bot.cli.terminal import FAILED, USAGE_ERROR, exit_with_error, load_settings_or_exit, run_async
from bot.client.services import open_services
from bot.core.clock import SystemClock
from bot.core.database_url import DatabaseUrl, parse_place
from bot.polling.jsonl_articles import FIELDS
from bot.store import Store
from bot.text.discord_text import to_plain_line

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
    """Open standard output for `-`, else a file that gets its name only when it is complete."""
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
    settings = load_settings_or_exit()

    async def work() -> article_files.ArticleImportResult:
        async with open_services(settings) as newsroom:
            with terminal.progress() as bar:
                task = bar.add_task("importing", total=None)
                with _reading(file) as lines:
                    done = await article_files.import_lines(
                        newsroom, lines, on_progress=lambda done: bar.update(task, completed=done)
                    )
            await encode_with_progress(newsroom.semantic_index)
            return done

    done = run_async(work)
    for problem in done.problems:
        terminal.echo_stderr(f"line {problem.line}: {problem.reason}")
    if done.unknown_fields:
        names = ", ".join(
            f"{to_plain_line(name, 60)} ({count})" for name, count in done.unknown_fields.most_common()
        )
        terminal.echo_stderr(f"Ignored fields, with their lines: {names}. Known: {', '.join(FIELDS)}.")
    terminal.echo_stderr(f"{done.stored} stored, {done.known} already known, {done.rejected} rejected.")
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

    terminal.echo_stderr(f"{with_store(work)} articles exported.")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write; must not exist yet.")],
) -> None:
    """Copy the database while the bot runs, and check the copy."""
    with_store(lambda store: store.backup(file))
    terminal.echo_stderr(f"Copied to {file} and verified.")


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
    from_, to = _parse_location(source), _parse_location(target)
    if isinstance(from_, Path) == isinstance(to, Path):
        exit_with_error(
            "One of the two is a file, the other a PostgreSQL server: postgresql://…", USAGE_ERROR
        )
    if isinstance(from_, Path) and not from_.is_file():
        exit_with_error(f"There is no database at {from_.absolute()}.", USAGE_ERROR)

    async def work() -> int:
        with terminal.progress() as bar:
            task = bar.add_task("moving", total=None)
            return await Store.copy_database(
                from_, to, SystemClock(), lambda done, total: bar.update(task, completed=done, total=total)
            )

    rows = run_async(work)
    terminal.echo_stderr(
        f"{rows} rows moved and compared. Set TELEX_DATABASE to the new database: the old one is marked as "
        "moved, and `telex run` refuses it. The search index is rebuilt on first use."
    )


def _parse_location(text: str) -> Path | DatabaseUrl:
    try:
        return parse_place(text)
    except ValueError as error:
        exit_with_error(f"{error}.", USAGE_ERROR)


@commands.command()
def migrate() -> None:
    """Upgrade the database to this version and check it."""
    version = with_store(lambda store: store.check(), create=True)
    terminal.echo_stderr(f"The database is intact, at version {version}.")
