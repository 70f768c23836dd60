"""The command `telex poll`, which polls feeds once, without Discord."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import encode_with_progress
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.client.services import Services, open_services
from bot.core.models import Feed
from bot.core.user_errors import RequestRejected
from bot.feeds import discover, fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.polling.poll_recorder import PollReport
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.posting.wording.refusal_sentences import refusal_sentence
from bot.text import urls

MAX_PAGE_FETCH_SECONDS = 60.0
"""Maximum number of seconds that `telex poll` spends on fetching article pages."""

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

    Prints one line per feed with its outcome.
    """
    settings = load_settings_or_exit()
    try:
        urls_to_poll = [urls.normalize_typed_url(address) for address in addresses or ()]
    except ValueError as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)

    async def poll_feeds() -> list[PollReport]:
        async with open_services(settings) as services:
            if urls_to_poll:
                reports = await _poll_urls(services, urls_to_poll)
            else:
                due_feeds = await services.store.feeds.list_due(services.clock.now(), limit=100_000)
                reports = await _poll_all(services, due_feeds, wait_for_hosts=True)
            await _fetch_article_pages(services, reports, wait_for_hosts=not urls_to_poll)
            await encode_with_progress(services.semantic_index)
            return reports

    reports = run_async(poll_feeds)
    if not reports:
        echo_stderr("No feed is due. Feeds that no channel follows are only polled by address: `telex poll URL`.")
    if reports and all(report.error_code for report in reports):
        raise typer.Exit(FAILURE_STATUS)


async def _poll_urls(services: Services, feed_urls: Iterable[str]) -> list[PollReport]:
    """Poll the feeds at some addresses; a feed that was not stored before and fails is removed again.

    Exits (1) if an operator blocks the source of one.
    """
    feed_store = services.store.feeds
    stored_feed_urls: set[str] = set()
    feeds: list[Feed] = []
    for url in dict.fromkeys(feed_urls):
        stored_feed = await feed_store.find(url)
        matching_feeds = await feed_store.list_by_page_url(url) if stored_feed is None else [stored_feed]
        stored_feed_urls.update(feed.url for feed in matching_feeds)
        try:
            feeds += matching_feeds or [await feed_store.add(url)]
        except RequestRejected as error:
            exit_with_error(refusal_sentence(error.reason))
    reports = await _poll_all(services, feeds, wait_for_hosts=False)
    for report in reports:
        if report.error_code and report.feed.url not in stored_feed_urls:
            await feed_store.remove(report.feed.id)
    return reports


async def _poll_all(services: Services, feeds: Iterable[Feed], *, wait_for_hosts: bool) -> list[PollReport]:
    """Poll feeds and print a line for each.

    `wait_for_hosts`, for feeds that are due, keeps the pauses between requests to a host. Without it, a new feed that
    is a web page is replaced by the page's own feed or its first list of articles.
    """
    feeds = list(feeds)
    reports: list[PollReport] = []
    poll_slots = asyncio.Semaphore(services.settings.poll_concurrency)
    with terminal.create_progress_bar() as progress_bar:
        progress_id = progress_bar.add_task("polling", total=len(feeds))

        async def poll_in_slot(feed: Feed) -> None:
            async with poll_slots:
                report = await services.poller.poll(feed, wait_for_host=wait_for_hosts)
                if not wait_for_hosts and report.error_code == fetch_errors.NOT_A_FEED and feed.last_success_at is None:
                    report = await _poll_page(services, feed) or report
            reports.append(report)
            progress_bar.advance(progress_id)
            terminal.echo_stdout(_format_outcome(report))

        await asyncio.gather(*(poll_in_slot(feed) for feed in feeds))
    return reports


async def _poll_page(services: Services, feed: Feed) -> PollReport | None:
    """Poll the own feed of the web page at a feed's address, or else the first list of articles on the page.

    Returns None if the page has neither a feed nor a list, or cannot be read.
    """
    try:
        discovery = await services.follow_service.resolve(feed.url, server_id=0)
    except (RequestRejected, FeedError):
        return None
    if discovery.page_lists.lists:
        discovery = discover.convert_list_to_feed(discovery, discovery.page_lists.lists[0])
    if discovery.parsed_feed is None:
        return None
    await services.store.feeds.remove(feed.id)
    return await services.poller.poll(await services.store.feeds.add(discovery.feeds[0].url), wait_for_host=False)


async def _fetch_article_pages(services: Services, reports: Iterable[PollReport], *, wait_for_hosts: bool) -> None:
    """Fetch the pages of articles of the polled feeds that are due, for at most `MAX_PAGE_FETCH_SECONDS`."""
    if not services.full_text_fetcher.is_enabled:
        return
    feed_ids = {report.feed.id for report in reports}
    fetched_count = await services.full_text_fetcher.fetch_due(
        feed_ids, max_seconds=MAX_PAGE_FETCH_SECONDS, wait_for_host=wait_for_hosts
    )
    if fetched_count:
        echo_stderr(f"{fetched_count} {'article' if fetched_count == 1 else 'articles'} read in full on their pages.")


def _format_outcome(report: PollReport) -> str:
    if report.error_code:
        outcome_sentence = f"{report.outcome}: {describe_feed_error(report.error_code, report.feed.url)}"
    elif report.new_count or report.changed_count:
        outcome_sentence = f"{report.new_count} new, {report.changed_count} changed"
    else:
        outcome_sentence = report.outcome
    return f"{urls.redact(report.feed.url)}\t{outcome_sentence}"
