"""The command `telex poll`, which polls feeds once, without Discord."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import encode_with_progress
from bot.cli.terminal import FAILED, USAGE_ERROR, exit_with_error, load_settings_or_exit, run_async
from bot.client.services import Services, open_services
from bot.core.models import Feed
from bot.core.user_errors import RequestRejected
from bot.feeds import discover, fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.polling.poll_recorder import PollReport
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.text import urls

PAGE_FETCH_SECONDS = 60.0
"""Seconds that `telex poll` spends on fetching article pages."""

commands = typer.Typer()


@commands.command()
def poll(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[URL]...",
            help="Feeds, or pages with a list, to poll; added when unknown. Default: the feeds that are due.",
        ),
    ] = None,
) -> None:
    """Poll the feeds that are due, or the given ones, once and without Discord.

    Prints a line a feed with its outcome.
    """
    settings = load_settings_or_exit()
    try:
        wanted = [urls.normalise_input(address) for address in addresses or ()]
    except ValueError as error:
        exit_with_error(str(error), USAGE_ERROR)

    async def work() -> list[PollReport]:
        async with open_services(settings) as newsroom:
            if wanted:
                reports = await _poll_at(newsroom, wanted)
            else:
                due = await newsroom.store.feeds.due(newsroom.clock.now(), 100_000, ())
                reports = await _poll_all(newsroom, due, polite=True)
            await _read_pages(newsroom, reports, polite=not wanted)
            await encode_with_progress(newsroom.semantic_index)
            return reports

    reports = run_async(work)
    if not reports:
        terminal.echo_stderr(
            "No feed is due. Feeds that no channel follows are only polled by address: `telex poll URL`."
        )
    if reports and all(report.error for report in reports):
        raise typer.Exit(FAILED)


async def _poll_at(newsroom: Services, addresses: Iterable[str]) -> list[PollReport]:
    """Poll the feeds at some addresses; a new feed that fails is removed again."""
    store = newsroom.store.feeds
    known: set[str] = set()
    feeds: list[Feed] = []
    for url in dict.fromkeys(addresses):
        there = await store.find(url)
        found = await store.of_page(url) if there is None else [there]
        known.update(feed.url for feed in found)
        feeds += found or [await store.add(url)]
    reports = await _poll_all(newsroom, feeds, polite=False)
    for report in reports:
        if report.error and report.feed.url not in known:
            await store.remove(report.feed.id)
    return reports


async def _poll_all(newsroom: Services, feeds: Iterable[Feed], *, polite: bool) -> list[PollReport]:
    feeds = list(feeds)
    reports: list[PollReport] = []
    slots = asyncio.Semaphore(newsroom.settings.poll_concurrency)
    with terminal.progress() as bar:
        task = bar.add_task("polling", total=len(feeds))

        async def one(feed: Feed) -> None:
            async with slots:
                report = await newsroom.poller.poll(feed, polite=polite)
                if not polite and report.error == fetch_errors.NOT_A_FEED and feed.last_success is None:
                    report = await _poll_page(newsroom, feed) or report
            reports.append(report)
            bar.advance(task)
            terminal.echo_stdout(_outcome(report))

        await asyncio.gather(*(one(feed) for feed in feeds))
    return reports


async def _poll_page(newsroom: Services, feed: Feed) -> PollReport | None:
    """Poll the feed or the first list that the web page at a feed's address has; None if it has none."""
    try:
        found = await newsroom.follow_service.resolve(feed.url, 0)
    except (RequestRejected, FeedError):
        return None
    if found.page.lists:
        found = discover.list_as_feed(found, found.page.lists[0])
    if found.parsed is None:
        return None
    await newsroom.store.feeds.remove(feed.id)
    return await newsroom.poller.poll(await newsroom.store.feeds.add(found.feeds[0].url), polite=False)


async def _read_pages(newsroom: Services, reports: Iterable[PollReport], *, polite: bool) -> None:
    """Fetch the pages of the articles that polls brought, for at most `PAGE_FETCH_SECONDS`."""
    if not newsroom.full_text_fetcher.is_enabled:
        return
    feed_ids = {report.feed.id for report in reports}
    read = await newsroom.full_text_fetcher.fetch_due(feed_ids, seconds=PAGE_FETCH_SECONDS, polite=polite)
    if read:
        terminal.echo_stderr(f"{read} {'article' if read == 1 else 'articles'} read in full on their pages.")


def _outcome(report: PollReport) -> str:
    if report.error:
        result = f"{report.outcome}: {describe_feed_error(report.error)}"
    elif report.new or report.changed:
        result = f"{report.new} new, {report.changed} changed"
    else:
        result = report.outcome
    return f"{urls.redact(report.feed.url)}\t{result}"
