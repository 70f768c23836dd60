"""What can be known to be wrong before the bot runs: database, token, feeds."""

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
from bot.posting.wording.feed_causes import describe
from bot.search.semantic import encoder
from bot.store import DatabaseMissing, Store, StoreError
from bot.store.records.content_records import EncodedCounts
from bot.store.records.source_records import SealedCounts
from bot.text.urls import masked
from bot.writing.model_client import ModelClient, ModelError


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it should be, and what was found, in words.

    `is_wrong_use`: nothing is broken, but Telex was called in the wrong place or with wrong settings.
    `advice` is for below the table, where a command to copy is not broken into lines.
    """

    what: str
    good: bool
    found: str
    is_wrong_use: bool = False
    advice: str = ""


async def run(settings: Settings) -> AsyncIterator[Check]:
    """Check the token's shape, the database, and that each feed answers. Changes nothing but the schema."""
    yield check_token(settings)
    if not settings.contact:
        yield Check("contact", good=True, found="none: set TELEX_CONTACT so that publishers can reach you")
    if settings.model_url is not None:
        yield await check_model(settings)
    try:
        store = await Store.open(settings.database, SystemClock(), create=False)
    except StoreError as error:
        is_missing = isinstance(error, DatabaseMissing)
        yield Check("database", good=False, found=str(error), is_wrong_use=is_missing)
        return
    try:
        version, articles = await store.check(), await store.articles.count()
        yield Check(
            "database", good=True, found=f"{settings.database}, version {version}: {articles} articles"
        )
        yield check_meaning(settings, await store.vectors.counts())
        yield check_passwords(settings, await store.seals())
        feeds = [feed for feed in await store.feeds.all() if feed.state is FeedState.ACTIVE]
    except StoreError as error:
        yield Check("database", good=False, found=str(error))
        return
    finally:
        await store.close()
    if not feeds:
        yield Check("feeds", good=True, found="none yet")
        return
    slots = asyncio.Semaphore(settings.poll_concurrency)
    async with Fetcher(settings) as fetcher:

        async def reach(feed: Feed) -> Check:
            async with slots:
                return await check_feed(fetcher, feed)

        for finished in asyncio.as_completed([reach(feed) for feed in feeds]):
            yield await finished


def check_token(settings: Settings) -> Check:
    """Whether the token looks like one: three parts, the first the bot's id in base64.

    Only Discord can tell whether it is valid. The form is that of Discord's reference ("Authentication").
    """
    if settings.discord_token is None:
        return Check("token", good=True, found="none: only the demo runs (DISCORD_TOKEN is not set)")
    first, *others = settings.discord_token.get_secret_value().strip().split(".")
    try:
        bot_id = base64.b64decode(first + "=" * (-len(first) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        bot_id = ""
    if bot_id.isdigit() and len(others) == 2 and all(re.fullmatch(r"[\w-]+", part) for part in others):  # noqa: PLR2004  # id.time.signature
        return Check("token", good=True, found=f"has the shape of a bot's token (bot id {bot_id})")
    return Check(
        "token", good=False, found="doesn't look like a bot's token; copy it again from the developer portal"
    )


async def check_model(settings: Settings) -> Check:
    """Whether the model service answers, with the model that it is to use; settings must name one."""
    async with ModelClient(settings, SystemClock()) as client:
        try:
            return Check("model service", good=True, found=await client.reach())
        except ModelError as error:
            return Check("model service", good=False, found=f"cannot be used: {error}")


def check_meaning(settings: Settings, counts: EncodedCounts) -> Check:
    """Whether articles are found by what they mean too, and how many so far."""
    what = "semantic search"
    model = encoder.model()
    if model is None:
        advice = f"To turn on semantic search: {extra_command('semantic')}"
        return Check(what, good=True, found="off: its extra isn’t installed", advice=advice)
    if not settings.semantic:
        return Check(what, good=True, found="off: TELEX_SEMANTIC is false")
    return Check(what, good=True, found=f"{model}: {counts.encoded} of {counts.articles} articles encoded")


def check_passwords(settings: Settings, seals: SealedCounts) -> Check:
    """Check whether feed addresses with a password or key are encrypted."""
    what = "feed secrets"
    if not seals.private:
        return Check(what, good=True, found="none")
    if settings.secret_key is None:
        found = f"{seals.private} in plain text: set TELEX_SECRET_KEY (`telex rekey --new`) to encrypt them"
        return Check(what, good=True, found=found)
    return Check(
        what, good=seals.sealed == seals.private, found=f"{seals.sealed} of {seals.private} encrypted"
    )


async def check_feed(fetcher: Fetcher, feed: Feed) -> Check:
    """Whether a feed answers now; what it says is not read."""
    name = masked(feed.url)
    try:
        answer = await fetcher.get(feed.url, validators=feed.validators)
    except FeedError as error:
        return Check(name, good=False, found=describe(error.code))
    return Check(name, good=True, found="unchanged" if answer.not_modified else f"{len(answer.body):,} bytes")
