"""The command line: `telex`, or `python -m bot`.

Machine-readable output goes to standard output, everything else to standard error.
Exit status 0: done; 1: failed; 2: wrong use.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

# `python -m bot` puts the working directory first on the path; our own `cogs` lie beside this package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.cli import article_files, checks, terminal
from bot.cli.article_commands import AsJson, commands, encode, open_store
from bot.cli.terminal import FAILED, WRONG_USE, settings_or_stop, stop, wait_for
from bot.client.services import Newsroom, open_newsroom
from bot.core.clock import SystemClock
from bot.core.models import Feed, FeedState
from bot.core.version import __version__
from bot.feeds.fetch_errors import describe
from bot.polling.poller import PollReport
from bot.store import Store, StoreError
from bot.text import urls

READING_TIME = 60.0
"""Seconds that `poll` reads pages for."""

app = typer.Typer(
    name="telex",
    help="A Discord bot that posts tech news, searches it and keeps bookmarks.",
    epilog="Settings come from the environment (TELEX_…) and from .env; DISCORD_TOKEN is the bot's token.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Run the bot where there is a token, else say so and start the demo."""
    if version:
        terminal.out(f"telex {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    if settings_or_stop().discord_token is not None:
        run()
    terminal.say("No DISCORD_TOKEN is set, so this is the demo: the same bot in a simulated Discord.")
    demo()


@app.command()
def run() -> None:
    """Run the bot on Discord until it is stopped (Ctrl-C, SIGTERM)."""
    settings = settings_or_stop()
    if settings.discord_token is None:
        stop(
            "No DISCORD_TOKEN is set. Make a bot at https://discord.com/developers/applications and put its "
            "token in the environment or in .env, or try `telex demo`, which needs none.",
            WRONG_USE,
        )
    terminal.start_logging(settings)
    from bot.client.discord_client import LoginRefused, serve  # noqa: PLC0415 - discord.py takes a second to import
    from cogs import ALL  # noqa: PLC0415 - likewise

    try:
        with Store.lock_for_run(settings.database):
            wait_for(lambda: serve(settings, ALL), endless=True)
    except LoginRefused as error:
        stop(str(error), WRONG_USE)
    except StoreError as error:
        stop(str(error), FAILED)
    raise typer.Exit


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Poll the real starter feeds, on the web.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Try the bot in a simulated Discord: a page in the browser, sample feeds, no token, no network."""
    if find_spec("simcord") is None:
        stop("The demo needs its extra: pip install 'telex[demo]'", FAILED)
    settings = settings_or_stop()
    terminal.start_logging(settings)
    from bot.demo import serve as serve_demo  # noqa: PLC0415 - needs the extra
    from cogs import ALL  # noqa: PLC0415 - discord.py takes a second to import

    wait_for(lambda: serve_demo(settings, ALL, live=live, port=port, browser=browser), endless=True)


@app.command()
def check() -> None:
    """Check the settings, the database, the token's shape, and that every feed can be reached."""

    async def work() -> bool:
        rows = []
        with terminal.progress() as bar:
            task = bar.add_task("checking", total=None)
            async for result in checks.run(settings):
                rows.append(result)
                bar.advance(task)
        terminal.table(
            f"Telex {__version__}",
            ("", "what", "found"),
            (("ok" if row.good else "FAILED", row.what, row.found) for row in rows),
        )
        return all(row.good for row in rows)

    settings = settings_or_stop()
    raise typer.Exit(0 if wait_for(work) else FAILED)


@app.command()
def poll(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[URL]...", help="Feeds to poll, added when unknown. Default: what is due."),
    ] = None,
) -> None:
    """Poll what is due, or the given feeds, once and without Discord; a line a feed with its outcome."""
    settings = settings_or_stop()
    try:
        wanted = [urls.normalise_input(address) for address in addresses or ()]
    except ValueError as error:
        stop(str(error), WRONG_USE)

    async def work() -> list[PollReport]:
        async with open_newsroom(settings) as newsroom:
            if wanted:
                feeds = [await newsroom.store.feeds.add(url) for url in dict.fromkeys(wanted)]
            else:
                feeds = await newsroom.store.feeds.due(newsroom.clock.now(), 100_000, ())
            reports = await _poll_all(newsroom, feeds, polite=not wanted)
            await _read_pages(newsroom, reports, polite=not wanted)
            await encode(newsroom.meaning)
            return reports

    reports = wait_for(work)
    if not reports:
        terminal.say("No feed is due. Feeds that nobody follows are polled only when their address is given.")
    if reports and all(report.error for report in reports):
        raise typer.Exit(FAILED)


async def _poll_all(newsroom: Newsroom, feeds: Iterable[Feed], *, polite: bool) -> list[PollReport]:
    feeds = list(feeds)
    reports: list[PollReport] = []
    slots = asyncio.Semaphore(newsroom.settings.poll_concurrency)
    with terminal.progress() as bar:
        task = bar.add_task("polling", total=len(feeds))

        async def one(feed: Feed) -> None:
            async with slots:
                report = await newsroom.poller.poll(feed, polite=polite)
            reports.append(report)
            bar.advance(task)
            terminal.out(_outcome(report))

        await asyncio.gather(*(one(feed) for feed in feeds))
    return reports


async def _read_pages(newsroom: Newsroom, reports: Iterable[PollReport], *, polite: bool) -> None:
    """Read the pages of the articles that polls brought; what takes too long is left for later."""
    if not newsroom.reader.wanted:
        return
    feed_ids = {report.feed.id for report in reports}
    read = await newsroom.reader.read_due(feed_ids, seconds=READING_TIME, polite=polite)
    if read:
        terminal.say(f"{read} {'article' if read == 1 else 'articles'} read whole, on their pages.")


def _outcome(report: PollReport) -> str:
    if report.error:
        result = f"{report.outcome}: {describe(report.error)}"
    elif report.new or report.changed:
        result = f"{report.new} new, {report.changed} changed"
    else:
        result = report.outcome
    return f"{urls.masked(report.feed.url)}\t{result}"


@app.command()
def feeds(as_json: AsJson = False) -> None:
    """List the feeds with their health."""
    settings = settings_or_stop()

    async def work() -> list[Feed]:
        async with open_store(settings) as store:
            return [feed for feed in await store.feeds.all() if feed.state is not FeedState.IMPORTED]

    found = wait_for(work)
    if as_json:
        for feed in found:
            terminal.out(json.dumps(_feed_as_json(feed), ensure_ascii=False))
        return
    if not found:
        terminal.say("No feeds yet. Add one in Discord with /feed add, or here with `telex poll URL`.")
        return
    now = SystemClock().now()
    terminal.table(
        f"{len(found)} feeds",
        ("feed", "address", "health", "last article", "next poll"),
        (
            (
                feed.title or "–",
                urls.masked(feed.url),
                _health(feed, now),
                terminal.ago(feed.last_article, now),
                terminal.ago(feed.next_poll, now) if feed.state is FeedState.ACTIVE else "never",
            )
            for feed in found
        ),
    )


def _health(feed: Feed, now: int) -> str:
    if feed.state is FeedState.GONE:
        return "gone"
    if feed.error:
        return f"failing since {terminal.ago(feed.failing_since, now)}: {describe(feed.error)}"
    return "fine" if feed.last_success else "not polled yet"


def _feed_as_json(feed: Feed) -> dict[str, object]:
    return {
        "url": urls.masked(feed.url),
        "title": feed.title,
        "source": feed.outlet,
        "state": feed.state.value,
        "error": feed.error,
        "failures": feed.failures,
        "last_success": article_files.iso(feed.last_success),
        "last_article": article_files.iso(feed.last_article),
        "next_poll": article_files.iso(feed.next_poll),
    }


app.add_typer(commands)


def main() -> None:
    """Run `telex` with the arguments of the process."""
    with terminal.whole_output():
        app()
