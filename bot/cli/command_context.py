"""Opening of the database and the searcher for the duration of a command, and encoding of new articles as vectors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from bot.cli import terminal
from bot.cli.command_process import echo_stderr, exit_with_error, load_settings_or_exit, run_async
from bot.core.clock import SystemClock
from bot.core.concurrency.worker_pool import WorkerError
from bot.core.configuration.settings import Settings
from bot.search.index.index_updater import IndexUpdater
from bot.search.searching import Searcher
from bot.search.semantic.semantic_index import SemanticIndex, open_semantic_index
from bot.store import Store

T = TypeVar("T")

ENCODE_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds that a search or question first spends on encoding new articles as vectors."""
NO_ARTICLES_TEXT = "No articles yet. Follow a feed with `telex poll URL`, or use `telex import FILE`."
"""Message for a command on a database without articles."""

JsonOption = Annotated[bool, typer.Option("--json", help="JSON on standard output, one object a line.")]
"""Type of the option `--json` of commands, which makes them print JSON."""

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
"""Type of the option `--overwrite` of commands that write a file, which lets them replace one."""


@asynccontextmanager
async def open_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """Open the database within the `with` block.

    Raises `DatabaseMissing` if there is no database and `create` is False, and other kinds of StoreError.
    """
    store = await Store.open(settings.database, SystemClock(), create=create)
    try:
        yield store
    finally:
        await store.close()


def run_with_store(use_store: Callable[[Store], Awaitable[T]], *, create: bool = False) -> T:
    """Run a coroutine function with the opened store and return its result.

    Exits the process with a message if a setting is invalid or the database is missing or was moved (status 2), or
    if it cannot be used (status 1).
    """
    settings = load_settings_or_exit()

    async def run_on_store() -> T:
        async with open_store(settings, create=create) as store:
            return await use_store(store)

    return run_async(run_on_store)


@asynccontextmanager
async def open_searcher(settings: Settings, *, as_json: bool) -> AsyncIterator[Searcher]:
    """Open a searcher, which also searches by meaning where available, within the `with` block.

    For a search by meaning, new articles are encoded first, for at most `ENCODE_TIMEOUT_SECONDS`. If no articles are
    stored, a message is printed and the process exits with status 0, unless the output is JSON (`as_json`).
    """
    async with open_store(settings) as store, open_semantic_index(settings, store) as semantic_index:
        if not as_json and not await store.articles.list_newest(None, limit=1):
            exit_with_error(NO_ARTICLES_TEXT, 0)
        if semantic_index is not None:
            # A search by meaning that takes long is waited for, so that a busy machine does not change the results.
            semantic_index.limits_wait = False
            try:
                await semantic_index.start_encoder()
                await semantic_index.encode_missing(max_seconds=ENCODE_TIMEOUT_SECONDS)
            except (WorkerError, OSError) as error:
                echo_stderr(f"Semantic search isn't working, so this is a word search: {error}")
            else:
                encoded_counts = await store.encoded_articles.count_encoded()
                if encoded_counts.encoded_count < encoded_counts.article_count:
                    echo_stderr(
                        f"Semantic search knows {encoded_counts.encoded_count} of "
                        f"{encoded_counts.article_count} articles so far; "
                        "`telex run` and `telex import` go on with the rest."
                    )
        index_updater = IndexUpdater(store, settings.index_folder)
        try:
            yield Searcher(store, index_updater, semantic_index)
        finally:
            await index_updater.close()


async def encode_with_progress(semantic_index: SemanticIndex | None) -> None:
    """Encode as vectors, with a progress bar, the articles that the semantic index lacks; None is no index."""
    if semantic_index is None:
        return
    with terminal.create_progress_bar() as progress_bar:
        progress_task_id = progress_bar.add_task("encoding", total=None)
        try:
            encoded_count = await semantic_index.encode_missing(
                lambda done_count, total_count: progress_bar.update(
                    progress_task_id, completed=done_count, total=total_count
                )
            )
        except (WorkerError, OSError) as error:
            echo_stderr(f"Semantic search isn't working, so only words can be searched: {error}")
            return
    if encoded_count:
        echo_stderr(f"{encoded_count} encoded for semantic search.")
