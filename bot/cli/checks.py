"""Checks of settings, token, database and feeds without running the bot."""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.core.clock import SystemClock
from bot.core.installation import extra_command
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.search.semantic import article_encoder
from bot.store import DatabaseMissing, Store, StoreError
from bot.store.records.content_records import EncodedCounts
from bot.store.records.source_records import EncryptionCounts
from bot.text.urls import redact
from bot.writing.model_client import ModelClient, ModelError


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check: its subject, whether it passed, and the detail for the operator.

    `is_usage_error`: nothing is broken, but Telex was called in the wrong place or with wrong settings.
    `advice` is printed below the table, where a command to copy is not wrapped.
    """

    subject: str
    ok: bool
    detail: str
    is_wrong_use: bool = False
    advice: str = ""


async def run_checks(settings: Settings) -> AsyncIterator[Check]:
    """Check settings, token, database and every active feed; write nothing but schema migrations."""
    yield check_token(settings)
    if not settings.contact:
        yield Check("contact", ok=True, detail="none: set TELEX_CONTACT so that publishers can reach you")
    if settings.model_url is not None:
        yield await check_model(settings)
    try:
        store = await Store.open(settings.database, SystemClock(), create=False)
    except StoreError as error:
        is_missing = isinstance(error, DatabaseMissing)
        yield Check("database", ok=False, detail=str(error), is_wrong_use=is_missing)
        return
    try:
        version, articles = await store.check(), await store.articles.count()
        yield Check(
            "database", ok=True, detail=f"{settings.database}, version {version}: {articles} articles"
        )
        yield check_meaning(settings, await store.vectors.counts())
        yield check_passwords(settings, await store.encryption_counts())
        feeds = [feed for feed in await store.feeds.all() if feed.state is FeedState.ACTIVE]
    except StoreError as error:
        yield Check("database", ok=False, detail=str(error))
        return
    finally:
        await store.close()
    if not feeds:
        yield Check("feeds", ok=True, detail="none yet")
        return
    slots = asyncio.Semaphore(settings.poll_concurrency)
    async with Fetcher(settings) as fetcher:

        async def reach(feed: Feed) -> Check:
            async with slots:
                return await check_feed(fetcher, feed)

        for finished in asyncio.as_completed([reach(feed) for feed in feeds]):
            yield await finished


def check_token(settings: Settings) -> Check:
    """Check that the token has the shape of a bot token: three parts, the first the bot's id in base64.

    Only Discord can tell whether it is valid. The form follows Discord's reference ("Authentication").
    """
    if settings.discord_token is None:
        return Check("token", ok=True, detail="none: only the demo runs (DISCORD_TOKEN is not set)")
    first, *others = settings.discord_token.get_secret_value().strip().split(".")
    try:
        bot_id = base64.b64decode(first + "=" * (-len(first) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        bot_id = ""
    if bot_id.isdigit() and len(others) == 2 and all(re.fullmatch(r"[\w-]+", part) for part in others):  # noqa: PLR2004  # id.time.signature
        return Check("token", ok=True, detail=f"has the shape of a bot's token (bot id {bot_id})")
    return Check(
        "token", ok=False, detail="doesn't look like a bot's token; copy it again from the developer portal"
    )


async def check_model(settings: Settings) -> Check:
    """Check that the model service answers and has the configured model; `settings` must have its URL."""
    async with ModelClient(settings, SystemClock()) as client:
        try:
            return Check("model service", ok=True, detail=await client.check_availability())
        except ModelError as error:
            return Check("model service", ok=False, detail=f"cannot be used: {error}")


def check_meaning(settings: Settings, counts: EncodedCounts) -> Check:
    """Check whether semantic search is on, and how many articles are encoded."""
    what = "semantic search"
    model = article_encoder.model_id()
    if model is None:
        advice = f"To turn on semantic search: {extra_command('semantic')}"
        return Check(what, ok=True, detail="off: its extra isn’t installed", advice=advice)
    if not settings.semantic:
        return Check(what, ok=True, detail="off: TELEX_SEMANTIC is false")
    return Check(what, ok=True, detail=f"{model}: {counts.encoded} of {counts.articles} articles encoded")


def check_passwords(settings: Settings, seals: EncryptionCounts) -> Check:
    """Check whether feed addresses with a password or key are encrypted."""
    what = "feed secrets"
    if not seals.with_password:
        return Check(what, ok=True, detail="none")
    if settings.secret_key is None:
        found = (
            f"{seals.with_password} in plain text: set TELEX_SECRET_KEY (`telex rekey --new`) to encrypt them"
        )
        return Check(what, ok=True, detail=found)
    return Check(
        what,
        ok=seals.encrypted == seals.with_password,
        detail=f"{seals.encrypted} of {seals.with_password} encrypted",
    )


async def check_feed(fetcher: Fetcher, feed: Feed) -> Check:
    """Check that a feed answers now; its document is not parsed."""
    name = redact(feed.url)
    try:
        answer = await fetcher.get(feed.url, validators=feed.validators)
    except FeedError as error:
        return Check(name, ok=False, detail=describe_feed_error(error.code))
    return Check(name, ok=True, detail="unchanged" if answer.not_modified else f"{len(answer.body):,} bytes")
