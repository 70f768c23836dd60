"""Commands on feeds: find, list, remove."""

import json
from functools import partial
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, run_with_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.core.clock import SystemClock
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.configuration.settings import Settings
from bot.core.local_time import format_iso
from bot.core.models import Feed, FeedState
from bot.feeds import discover, outlet_directory
from bot.feeds.discover import DiscoveryResult
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.page_links import DiscoveredFeed
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.store import Store
from bot.store.records.source_records import QuotaOverflow
from bot.text import urls

commands = typer.Typer()


@commands.command()
def find(
    name_or_url: Annotated[str, typer.Argument(metavar="URL", help="A site, a page, a feed, or an outlet’s name.")],
    as_json: JsonOption = False,
) -> None:
    """Show the feeds at an address and the lists of articles on its page, best first."""
    settings = load_settings_or_exit()
    try:
        discovery = _find_in_directory(name_or_url) or run_async(
            partial(_discover, settings, urls.normalize_typed_url(name_or_url))
        )
    except ValueError as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)
    except FeedError as error:
        exit_with_error(describe_feed_error(error.code, error.url), FAILURE_STATUS)
    if as_json:
        terminal.echo_stdout(json.dumps(_discovery_as_json(discovery), ensure_ascii=False))
        return
    for feed in discovery.feeds:
        terminal.echo_stdout(f"feed\t{urls.redact(feed.url)}\t{feed.title}")
    for list_number, page_list in enumerate(discovery.page_lists.lists, 1):
        for entry in page_list.items:
            terminal.echo_stdout(f"list {list_number}\t{entry.url}\t{entry.title}")
    if not discovery.feeds and not discovery.page_lists.lists:
        echo_stderr("No feed and no list found at that address.")


def _find_in_directory(name_or_url: str) -> DiscoveryResult | None:
    """Return the feeds of the outlets in the built-in directory that match a name.

    Returns None if no outlet matches, or for a URL.
    """
    try:
        urls.normalize_typed_url(name_or_url)
    except ValueError:
        directory_feeds = tuple(
            DiscoveredFeed(outlet.feed_url, outlet.name, "rss")
            for outlet in outlet_directory.search_outlets(name_or_url)
        )
        return DiscoveryResult(directory_feeds) if directory_feeds else None
    return None


async def _discover(settings: Settings, url: str) -> DiscoveryResult:
    workers = WorkerPool()
    try:
        async with Fetcher(settings) as fetcher:
            return await discover.discover_feeds(fetcher, workers, url, with_lists=True)
    finally:
        await workers.close()


def _discovery_as_json(discovery: DiscoveryResult) -> dict[str, object]:
    return {
        "feeds": [{"url": feed.url, "title": feed.title} for feed in discovery.feeds],
        "lists": [
            {
                "items": [
                    {
                        "url": entry.url,
                        "title": entry.title,
                        "published": _format_iso_or_none(entry.published),
                    }
                    for entry in page_list.items
                ]
            }
            for page_list in discovery.page_lists.lists
        ],
    }


def _format_iso_or_none(timestamp: int | None) -> str | None:
    return None if timestamp is None else format_iso(timestamp)


feeds_group = typer.Typer(invoke_without_command=True)
commands.add_typer(feeds_group, name="feeds")


@feeds_group.callback()
def list_feeds(context: typer.Context, as_json: JsonOption = False) -> None:
    """List feeds and their status."""
    if context.invoked_subcommand is not None:
        return

    async def load_feeds(store: Store) -> tuple[list[Feed], dict[int, QuotaOverflow]]:
        # Articles that `telex import` read from files belong to feeds that are never polled.
        feeds = [feed for feed in await store.feeds.list_all() if feed.state is not FeedState.IMPORTED_ARTICLES]
        return feeds, await store.quota_overflows.load_all()

    listed_feeds, overflow_by_feed_id = run_with_store(load_feeds)
    if as_json:
        for feed in listed_feeds:
            skipped_entry_count = overflow_by_feed_id[feed.id].entry_count if feed.id in overflow_by_feed_id else 0
            terminal.echo_stdout(
                json.dumps(_feed_as_json(feed) | {"left_out": skipped_entry_count}, ensure_ascii=False)
            )
        return
    if not listed_feeds:
        echo_stderr("No feeds yet. Add one in Discord with /feed add, or here with `telex poll URL`.")
        return
    now = SystemClock().now()
    terminal.print_table(
        "1 feed" if len(listed_feeds) == 1 else f"{len(listed_feeds)} feeds",
        ("feed", "address", "status", "last article", "next poll"),
        (
            (
                feed.title or "–",
                urls.redact(feed.url),
                _describe_status(feed, overflow_by_feed_id.get(feed.id), now),
                terminal.format_relative_time(feed.last_article_at, now),
                terminal.format_relative_time(feed.next_poll_at, now)
                if feed.state is FeedState.ACTIVE and feed.blocked_since is None
                else "never",
            )
            for feed in listed_feeds
        ),
    )


@feeds_group.command()
def remove(
    address: Annotated[str, typer.Argument(metavar="URL", help="The address, as `telex feeds` shows it.")],
) -> None:
    """Remove a feed that no channel follows.

    Its articles are deleted too, except bookmarked ones.
    """

    async def remove_feed(store: Store) -> str:
        matching_feeds = [
            feed
            for feed in await store.feeds.list_all()
            if feed.state is not FeedState.IMPORTED_ARTICLES and address in (feed.url, urls.redact(feed.url))
        ]
        if not matching_feeds:
            exit_with_error(f"No feed has the address {address}. See `telex feeds`.")
        if len(matching_feeds) > 1:
            exit_with_error("Several feeds have this address with different passwords: unfollow them in Discord.")
        if await store.subscriptions.list_by_feed(matching_feeds[0].id):
            exit_with_error("Channels follow this feed. Unfollow it in Discord first: /feed remove.")
        await store.feeds.remove(matching_feeds[0].id)
        return urls.redact(matching_feeds[0].url)

    echo_stderr(f"Removed {run_with_store(remove_feed)}")


def _describe_status(feed: Feed, overflow: QuotaOverflow | None, now: int) -> str:
    if feed.blocked_since is not None:
        return f"blocked since {terminal.format_relative_time(feed.blocked_since, now)}"
    if feed.state is FeedState.GONE:
        return "gone"
    if feed.error:
        failing_since_text = terminal.format_relative_time(feed.failing_since, now)
        return f"failing since {failing_since_text}: {describe_feed_error(feed.error, feed.url)}"
    if overflow is not None:
        return (
            f"too much: {overflow.entry_count} left out since {terminal.format_relative_time(overflow.first_at, now)}"
        )
    return "healthy" if feed.last_success_at else "not polled yet"


def _feed_as_json(feed: Feed) -> dict[str, object]:
    return {
        "url": urls.redact(feed.url),
        "title": feed.title,
        "source": feed.outlet,
        "state": feed.state.value,
        "blocked_since": _format_iso_or_none(feed.blocked_since),
        "error": feed.error,
        "failures": feed.failure_count,
        "last_success": _format_iso_or_none(feed.last_success_at),
        "last_article": _format_iso_or_none(feed.last_article_at),
        "next_poll": _format_iso_or_none(feed.next_poll_at),
    }
