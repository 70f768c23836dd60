"""Commands on the sources that an operator blocks."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, TypeVar

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, open_store, run_with_store
from bot.cli.command_process import (
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.core.configuration.settings import Settings
from bot.core.local_time import format_iso
from bot.operating.typed_sources import is_public_suffix, parse_typed_source
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.store import Store
from bot.store.records.operating_records import FollowedFeedCounts
from bot.text.source_patterns import SourcePattern

T = TypeVar("T")

sources_group = typer.Typer(name="sources", invoke_without_command=True)
"""Group of the commands `telex sources …`, which list, block and unblock sources of news."""

SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A domain such as news.example, or an address below which all is meant.")
]


@sources_group.callback()
def list_sources(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the blocked domains, parts of sites and feeds."""
    if context.invoked_subcommand is not None:
        return
    blocked_sources = run_with_store(lambda store: store.blocked_sources.list_all())
    if as_json:
        for source in blocked_sources:
            fields = {"source": str(source.pattern), "blocked_since": format_iso(source.blocked_at)}
            terminal.echo_stdout(json.dumps(fields, ensure_ascii=False))
        return
    if not blocked_sources:
        echo_stderr("No source is blocked. `telex sources block SOURCE` blocks one.")
        return
    terminal.print_table(
        "Blocked sources",
        ("source", "since"),
        ((str(source.pattern), terminal.format_time(source.blocked_at)) for source in blocked_sources),
    )


@sources_group.command()
def block(
    source: SourceArgument, yes: Annotated[bool, typer.Option("--yes", help="Don’t ask before blocking.")] = False
) -> None:
    """Block a domain with its subdomains, or what is below an address.

    Nothing is followed or fetched from there. Feeds that are followed stop, and an alert tells the servers.
    """

    async def count_followed(store: Store, settings: Settings, pattern: SourcePattern) -> int:
        if await is_public_suffix(pattern.domain):
            exit_with_error(
                f"{pattern.domain} holds the sites of many publishers. Block a domain below it, such as "
                f"news.{pattern.domain}.",
                USAGE_ERROR_STATUS,
            )
        counts = await store.blocked_sources.count_followed(pattern)
        echo_stderr(f"{pattern}: {_describe_counts(counts, settings)}.")
        return counts.feed_count

    async def block_source(store: Store, settings: Settings, pattern: SourcePattern) -> None:
        alert_texts = build_source_block_texts(str(pattern), settings, is_blocked=True)
        is_new = await store.blocked_sources.block(pattern, alert_texts, user_id=None) is not None
        echo_stderr(f"Blocked {pattern}." if is_new else f"{pattern} is blocked already.")

    if _run_on_source(source, count_followed) and not yes and not typer.confirm("Block it?", err=True):
        exit_with_error("Nothing was blocked.")
    _run_on_source(source, block_source)


@sources_group.command()
def allow(source: SourceArgument) -> None:
    """Unblock a source: its feeds go on, and the servers are told."""

    async def unblock_source(store: Store, settings: Settings, pattern: SourcePattern) -> None:
        alert_texts = build_source_block_texts(str(pattern), settings, is_blocked=False)
        counts = await store.blocked_sources.unblock(pattern, alert_texts, user_id=None)
        if counts is None:
            exit_with_error(f"{pattern} isn’t blocked itself. See `telex sources`.", USAGE_ERROR_STATUS)
        echo_stderr(f"Unblocked {pattern}: {_describe_counts(counts, settings)}.")

    _run_on_source(source, unblock_source)


def _run_on_source(source: str, function: Callable[[Store, Settings, SourcePattern], Coroutine[None, None, T]]) -> T:
    """Run a function on the store, the settings and a source given as text; exit (2) if the text is no source."""
    settings = load_settings_or_exit()
    try:
        pattern = parse_typed_source(source)
    except ValueError as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)

    async def run_with_open_store() -> T:
        async with open_store(settings) as store:
            return await function(store, settings, pattern)

    return run_async(run_with_open_store)


def _describe_counts(counts: FollowedFeedCounts, settings: Settings) -> str:
    """Return how many feeds are followed in how many servers, and whether the operator's own server is one of them."""
    feeds_text = "1 feed" if counts.feed_count == 1 else f"{counts.feed_count:,} feeds"
    servers_text = "1 server" if len(counts.server_ids) == 1 else f"{len(counts.server_ids):,} servers"
    own_text = ", also in your own" if settings.owner_server in counts.server_ids else ""
    return f"{feeds_text} followed in {servers_text}{own_text}" if counts.feed_count else "no server follows its feeds"
