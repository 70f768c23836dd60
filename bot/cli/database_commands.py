"""Commands on the whole database: import and export, backup, move, migrations."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bot.cli import article_files, terminal
from bot.cli.command_context import OverwriteOption, encode_with_progress, run_with_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.client.services import open_services
from bot.core.clock import SystemClock
from bot.core.configuration.database_url import DatabaseUrl, parse_database_location
from bot.polling.jsonl_articles import JSON_KEYS
from bot.store import Store
from bot.text.discord_text import to_plain_line

commands = typer.Typer()


@contextmanager
def _open_input(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        yield stream


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='Articles as JSON Lines; "-" is standard input.')],
) -> None:
    """Import articles from JSON Lines. Safe to repeat: existing articles stay as they are."""
    settings = load_settings_or_exit()

    async def import_articles() -> article_files.ArticleImportResult:
        async with open_services(settings) as services:
            with terminal.create_progress_bar() as progress_bar:
                progress_id = progress_bar.add_task("importing", total=None)
                with _open_input(file) as stream:
                    import_result = await article_files.import_lines(
                        services,
                        stream,
                        on_progress=lambda line_count: progress_bar.update(progress_id, completed=line_count),
                    )
            await encode_with_progress(services.semantic_index)
            return import_result

    import_result = run_async(import_articles)
    for problem in import_result.problems:
        echo_stderr(f"line {problem.line_number}: {problem.reason}")
    if import_result.line_count_by_unknown_key:
        field_counts_text = ", ".join(
            f"{to_plain_line(json_key, 60)} ({line_count})"
            for json_key, line_count in import_result.line_count_by_unknown_key.most_common()
        )
        echo_stderr(f"Ignored fields, with their lines: {field_counts_text}. Known: {', '.join(JSON_KEYS)}.")
    echo_stderr(
        f"{import_result.stored_count} stored, {import_result.already_stored_count} already known, "
        f"{import_result.rejected_count} rejected."
    )
    if import_result.rejected_count:
        raise typer.Exit(FAILURE_STATUS)


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='Where to write JSON Lines; "-" is standard output.')],
    overwrite: OverwriteOption = False,
) -> None:
    """Write all articles as JSON Lines, oldest first."""

    async def export_articles(store: Store) -> int:
        with terminal.open_output(file, overwrite=overwrite) as stream:
            return await article_files.export_articles(store, stream)

    echo_stderr(f"{run_with_store(export_articles)} articles exported.")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write; must not exist yet.")],
) -> None:
    """Copy the database while the bot runs, and check the copy."""
    run_with_store(lambda store: store.backup(file))
    echo_stderr(f"Copied to {file} and verified.")


@commands.command()
def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The current database: a file, or postgresql://…")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The empty database to fill: postgresql://…, or a file.")],
) -> None:
    """Move everything from a file to a PostgreSQL server, or back.

    Stop the bot first. A move that was cut short goes on when run again; at the end every row is compared.
    """
    source_location, target_location = _parse_location_or_exit(source), _parse_location_or_exit(target)
    if isinstance(source_location, Path) == isinstance(target_location, Path):
        exit_with_error("One of the two is a file, the other a PostgreSQL server: postgresql://…", USAGE_ERROR_STATUS)
    if isinstance(source_location, Path) and not source_location.is_file():
        exit_with_error(f"There is no database at {source_location.absolute()}.", USAGE_ERROR_STATUS)

    async def move_rows() -> int:
        with terminal.create_progress_bar() as progress_bar:
            progress_id = progress_bar.add_task("moving", total=None)
            return await Store.copy_database(
                source_location,
                target_location,
                SystemClock(),
                lambda done_count, total_count: progress_bar.update(
                    progress_id, completed=done_count, total=total_count
                ),
            )

    row_count = run_async(move_rows)
    echo_stderr(
        f"{row_count} rows moved and compared. Set TELEX_DATABASE to the new database: the old "
        f"one is marked as "
        "moved, and `telex run` refuses it. The search index is rebuilt on first use."
    )


def _parse_location_or_exit(text: str) -> Path | DatabaseUrl:
    try:
        return parse_database_location(text)
    except ValueError as error:
        exit_with_error(f"{error}.", USAGE_ERROR_STATUS)


@commands.command()
def migrate() -> None:
    """Upgrade the database to this version, or create one, and check it."""
    schema_version = run_with_store(lambda store: store.check(), create=True)
    echo_stderr(f"The database is intact, at version {schema_version}.")
