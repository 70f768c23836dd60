"""A document through the whole way: fetched, parsed in a worker, taken in, stored, rendered, asked again."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path

import discord
from aiohttp import web

from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Article, Feed
from bot.core.preferences import PostLook, Style
from bot.drill.discord_stand_in.message_text import find_headline
from bot.feeds.parsing.entries import (
    MAX_ENTRIES,
    MAX_GUID_CHARS,
    MAX_TAGS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
)
from bot.polling.poll_recorder import PollReport
from bot.posting.rendering import messages, posts
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.text import discord_text
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer

MAX_RENDERED_ARTICLES = 40
"""Articles of a document that are rendered: the newest."""
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EMBED_LIMITS = {"title": 256, "description": 4096}  # of an embed
_MAX_EMBED_LENGTH = 6000
_MAX_LAYOUT_LENGTH, _MAX_COMPONENTS = 4000, 40


class BrokenInvariant(AssertionError):
    """A document brought the bot to something that it must never do; the message says what."""


@dataclass
class Pipeline:
    """A newsroom and a publisher. Errors that the bot logs are kept: none is expected."""

    newsroom: Services
    server: FeedServer
    clock: ManualClock
    errors: list[str] = field(default_factory=list)
    served_count: int = 0

    async def process(self, body: bytes, content_type: str = "", *, reread: bool = True) -> PollReport:
        """Read a document as the feed of an address of its own. Raises `BrokenInvariant`.

        With `again` it is read a second time with other bytes behind it, which must bring nothing new.
        """
        self.served_count += 1
        path = f"/{self.served_count}"
        url = self._serve(path, body, content_type)
        feed = await self.newsroom.store.feeds.add(url)
        report = await self._poll(feed)
        articles = await self.newsroom.store.articles.list_newest([feed.id], limit=MAX_RENDERED_ARTICLES)
        if report.new_count > MAX_ENTRIES or report.new_count < len(articles):
            raise BrokenInvariant(f"{report.new_count} new articles")
        for article in articles:
            self._check_stored(article)
            self._check_rendered(article, report.feed)
        if articles:
            messages.catch_up_message("catch-up:x", articles, language="fr")
        if reread and report.error_code is None:
            # What is new behind the document makes it another one, whose entries are compared.
            self._serve(path, body + b"\n<!-- again -->", content_type)
            second_report = await self._poll(report.feed)
            # Of a document that was cut short the entry at the cut waits until it is whole.
            is_whole = report.feed.validators.body_hash is not None
            if second_report.new_count > (0 if is_whole else 1):
                raise BrokenInvariant(f"{second_report.new_count} of {report.new_count} articles are new again")
        return report

    def _serve(self, path: str, body: bytes, content_type: str) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, headers={"Content-Type": content_type} if content_type else {})

        return self.server.handle(path, answer)

    async def _poll(self, feed: Feed) -> PollReport:
        self.clock.advance(60)
        report = await self.newsroom.poller.poll(feed, wait_for_host=False)
        if report.error_code is not None and not describe_feed_error(report.error_code):
            raise BrokenInvariant(f"no words for {report.error_code}")
        if self.errors:
            raise BrokenInvariant(self.errors.pop())
        return report

    def _check_stored(self, article: Article) -> None:
        """What is stored is bounded and plain, whatever the document had."""
        for name, limit in (
            ("title", MAX_TITLE_CHARS),
            ("text", MAX_TEXT_CHARS),
            ("summary", MAX_TEXT_CHARS),
            ("url", MAX_URL_CHARS * 4),
        ):
            text: str = getattr(article, name)
            if len(text) > limit:
                raise BrokenInvariant(f"a {name} of {len(text)} characters")
            if _CONTROL_CHARACTERS.search(text):
                raise BrokenInvariant(f"a {name} with {_CONTROL_CHARACTERS.search(text)!r}")
        if not article.title and article.body:
            raise BrokenInvariant("no title")
        if not article.url.startswith(("http://", "https://")):
            raise BrokenInvariant(f"the address {article.url[:80]!r}")
        if not 0 <= article.published <= self.clock.now():
            raise BrokenInvariant(f"published at {article.published}")
        if len(article.tags) > MAX_TAGS or (article.author and len(article.author) > MAX_GUID_CHARS):
            raise BrokenInvariant("tags or author without bound")

    def _check_rendered(self, article: Article, feed: Feed) -> None:
        for look in (PostLook(), PostLook(style=Style.CLASSIC)):
            for message in posts.render_post(article, feed, language="en", look=look).iter_variants():
                if message.embed is None:
                    self._check_layout(message.send_kwargs()["view"])
                else:
                    self._check_embed(message.embed)

    def _check_layout(self, view: discord.ui.LayoutView) -> None:
        if not find_headline(view.to_components()):
            raise BrokenInvariant("no title")
        if view.content_length() > _MAX_LAYOUT_LENGTH or view.total_children_count > _MAX_COMPONENTS:
            raise BrokenInvariant("a layout that Discord refuses")

    def _check_embed(self, embed: discord.Embed) -> None:
        for name, limit in _EMBED_LIMITS.items():
            if discord_text.count_utf16_units(str(embed.to_dict().get(name, ""))) > limit:
                raise BrokenInvariant(f"a {name} too long for Discord")
        if not embed.title or len(embed) > _MAX_EMBED_LENGTH:
            raise BrokenInvariant("an embed that Discord refuses")


class _ErrorCollector(logging.Handler):
    """Collects what the bot logs as an error."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.append(logging.Formatter("%(name)s: %(message)s").format(record))


@asynccontextmanager
async def open_pipeline(folder: Path) -> AsyncIterator[Pipeline]:
    """A pipeline with a database in a folder."""
    settings = replace(
        read_settings(),
        database=folder / "telex.db",
        allow_private_addresses=(ip_network("127.0.0.0/8"),),
        parse_timeout=60,
    )
    clock = ManualClock()
    server = await FeedServer().start()
    logger = logging.getLogger("bot")
    try:
        async with open_services(settings, clock) as newsroom:
            pipeline = Pipeline(newsroom, server, clock)
            handler = _ErrorCollector(pipeline.errors)
            logger.addHandler(handler)
            try:
                yield pipeline
            finally:
                logger.removeHandler(handler)
                await asyncio.sleep(0)
    finally:
        await server.stop()
