"""The commands of `telex` on feeds: finding them, listing them, removing them."""

import json
from functools import partial
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.stored_news import AsJson, with_store
from bot.cli.terminal import FAILED, WRONG_USE, settings_or_stop, stop, wait_for
from bot.core.clock import SystemClock
from bot.core.hours import iso
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.core.workers import Workers
from bot.feeds import discover, outlet_directory
from bot.feeds.discover import Discovery
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.page_links import FoundFeed
from bot.posting.wording.feed_causes import describe
from bot.store import Store
from bot.store.records.source_records import Surplus
from bot.text import urls

commands = typer.Typer()


@commands.command()
def find(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="A site, a page, a feed, or an outlet’s name.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show the feeds and the lists at an address, best first."""
    settings = settings_or_stop()
    try:
        found = _named(address) or wait_for(partial(_discovered, settings, urls.normalise_input(address)))
    except ValueError as error:
        stop(str(error), WRONG_USE)
    except FeedError as error:
        stop(describe(error.code), FAILED)
    if as_json:
        terminal.out(json.dumps(_found_as_json(found), ensure_ascii=False))
        return
    for feed in found.feeds:
        terminal.out(f"feed\t{urls.masked(feed.url)}\t{feed.title}")
    for number, page_list in enumerate(found.page.lists, 1):
        for item in page_list.items:
            terminal.out(f"list {number}\t{item.url}\t{item.title}")
    if not found.feeds and not found.page.lists:
        terminal.say("No feed and no list found at that address.")


def _named(name: str) -> Discovery | None:
    """The outlets that are called what is no address; None for an address, and for what nobody is called."""
    try:
        urls.normalise_input(name)
    except ValueError:
        found = tuple(FoundFeed(each.feed, each.name, "rss") for each in outlet_directory.search(name))
        return Discovery(found) if found else None
    return None


async def _discovered(settings: Settings, url: str) -> Discovery:
    workers = Workers()
    try:
        async with Fetcher(settings) as fetcher:
            return await discover.find(fetcher, workers, url, with_lists=True)
    finally:
        await workers.close()


def _found_as_json(found: Discovery) -> dict[str, object]:
    return {
        "feeds": [{"url": feed.url, "title": feed.title} for feed in found.feeds],
        "lists": [
            {
                "items": [
                    {"url": item.url, "title": item.title, "published": _iso(item.published)}
                    for item in page_list.items
                ]
            }
            for page_list in found.page.lists
        ],
    }


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


feeds = typer.Typer(invoke_without_command=True)
commands.add_typer(feeds, name="feeds")


@feeds.callback()
def list_feeds(context: typer.Context, as_json: AsJson = False) -> None:
    """List feeds and their status."""
    if context.invoked_subcommand is not None:
        return

    async def work(store: Store) -> tuple[list[Feed], dict[int, Surplus]]:
        feeds = [feed for feed in await store.feeds.all() if feed.state is not FeedState.IMPORTED]
        return feeds, await store.surplus.all()

    found, surplus = with_store(work)
    if as_json:
        for feed in found:
            left_out = surplus[feed.id].entries if feed.id in surplus else 0
            terminal.out(json.dumps(_feed_as_json(feed) | {"left_out": left_out}, ensure_ascii=False))
        return
    if not found:
        terminal.say("No feeds yet. Add one in Discord with /feed add, or here with `telex poll URL`.")
        return
    now = SystemClock().now()
    terminal.table(
        "1 feed" if len(found) == 1 else f"{len(found)} feeds",
        ("feed", "address", "status", "last article", "next poll"),
        (
            (
                feed.title or "–",
                urls.masked(feed.url),
                _health(feed, surplus.get(feed.id), now),
                terminal.ago(feed.last_article, now),
                terminal.ago(feed.next_poll, now) if feed.state is FeedState.ACTIVE else "never",
            )
            for feed in found
        ),
    )


@feeds.command()
def remove(
    address: Annotated[str, typer.Argument(metavar="URL", help="The address, as `telex feeds` shows it.")],
) -> None:
    """Remove a feed that no channel follows.

    Its articles are deleted too, except bookmarked ones.
    """

    async def work(store: Store) -> str:
        found = [
            feed
            for feed in await store.feeds.all()
            if feed.state is not FeedState.IMPORTED and address in (feed.url, urls.masked(feed.url))
        ]
        if not found:
            stop(f"No feed has the address {address}. See `telex feeds`.")
        if len(found) > 1:
            stop("Several feeds have this address with different passwords: unfollow them in Discord.")
        if await store.subscriptions.of_feed(found[0].id):
            stop("Channels follow this feed. Unfollow it in Discord first: /feed remove.")
        await store.feeds.remove(found[0].id)
        return urls.masked(found[0].url)

    terminal.say(f"Removed {with_store(work)}")


def _health(feed: Feed, surplus: Surplus | None, now: int) -> str:
    if feed.state is FeedState.GONE:
        return "gone"
    if feed.error:
        return f"failing since {terminal.ago(feed.failing_since, now)}: {describe(feed.error)}"
    if surplus is not None:
        return f"too much: {surplus.entries} left out since {terminal.ago(surplus.since, now)}"
    return "healthy" if feed.last_success else "not polled yet"


def _feed_as_json(feed: Feed) -> dict[str, object]:
    return {
        "url": urls.masked(feed.url),
        "title": feed.title,
        "source": feed.outlet,
        "state": feed.state.value,
        "error": feed.error,
        "failures": feed.failures,
        "last_success": _iso(feed.last_success),
        "last_article": _iso(feed.last_article),
        "next_poll": _iso(feed.next_poll),
    }
