"""Checks of settings, token, model service, database and feeds without running the bot."""

import asyncio
import base64
import binascii
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from bot import DATA
from bot.core.clock import SystemClock
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.configuration.settings import Settings
from bot.core.installation import build_extra_command
from bot.core.models import Feed, FeedState
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.search.semantic import article_encoder
from bot.store import DatabaseMissing, Store, StoreError
from bot.store.records.content_records import EncodedCounts
from bot.store.records.source_records import EncryptionCounts
from bot.text.urls import redact
from bot.writing.model_client import ModelClient, ModelError
from bot.writing.model_trial import try_model


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of a check: its subject, whether it passed, and the detail for the operator.

    `is_warning` is set if Telex works, and something may still be wrong. `is_usage_error` is set if nothing is broken,
    but Telex was called in the wrong place or with wrong settings.
    `advice` is printed below the table of results, where a command to copy is not wrapped.
    """

    subject: str
    is_ok: bool
    detail: str
    is_usage_error: bool = False
    is_warning: bool = False
    advice: str = ""


async def run_checks(settings: Settings) -> AsyncIterator[CheckResult]:
    """Yield the results of checks of token, contact, model service (if configured), database and every active feed.

    Feeds of blocked sources are left out. Nothing is written but schema migrations. The feeds come in the order in
    which they answer; if the database does not exist yet, cannot be opened or cannot be read, it is the last check.
    """
    yield check_token(settings)
    if (package_check := check_packages()) is not None:
        yield package_check
    if not settings.contact:
        yield CheckResult("contact", is_ok=True, detail="none: set TELEX_CONTACT so that publishers can reach you")
    if settings.model_url is not None:
        yield await check_model(settings)
    try:
        store = await Store.open(settings.database, SystemClock(), create=False)
    except DatabaseMissing:
        yield check_missing_database(settings.database)
        return
    except StoreError as error:
        yield CheckResult("database", is_ok=False, detail=str(error))
        return
    try:
        schema_version, article_count = await store.check(), await store.articles.count()
        yield CheckResult(
            "database",
            is_ok=True,
            detail=f"{settings.database}, version {schema_version}: {article_count} articles",
        )
        yield check_semantic_search(settings, await store.encoded_articles.count_encoded())
        yield check_feed_secrets(settings, await store.count_private_urls())
        feeds = [
            feed
            for feed in await store.feeds.list_all()
            if feed.state is FeedState.ACTIVE and feed.blocked_since is None
        ]
    except StoreError as error:
        yield CheckResult("database", is_ok=False, detail=str(error))
        return
    finally:
        await store.close()
    if not feeds:
        yield CheckResult("feeds", is_ok=True, detail="none yet")
        return
    poll_slots = asyncio.Semaphore(settings.poll_concurrency)
    async with Fetcher(settings) as fetcher:

        async def check_feed_in_slot(feed: Feed) -> CheckResult:
            async with poll_slots:
                return await check_feed(fetcher, feed)

        for pending_check in asyncio.as_completed([check_feed_in_slot(feed) for feed in feeds]):
            yield await pending_check


def check_token(settings: Settings) -> CheckResult:
    """Check that the token, if any, has the shape of a bot token: three parts, the first the bot's id in base64.

    Only Discord can tell whether the token is valid. The shape is documented in Discord's reference
    ("Authentication").
    """
    if settings.discord_token is None:
        return CheckResult("token", is_ok=True, detail="none: only the demo runs (DISCORD_TOKEN is not set)")
    id_part, *further_parts = settings.discord_token.text.split(".")
    try:
        bot_id = base64.b64decode(id_part + "=" * (-len(id_part) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        bot_id = ""
    has_three_parts = len(further_parts) == 2  # noqa: PLR2004 - id.time.signature
    if (
        bot_id.isdigit()
        and has_three_parts
        and all(re.fullmatch(r"[\w-]+", token_part) for token_part in further_parts)
    ):
        return CheckResult("token", is_ok=True, detail=f"has the shape of a bot's token (bot id {bot_id})")
    return CheckResult(
        "token",
        is_ok=False,
        detail="doesn't look like a bot's token; copy it again from the developer portal",
        is_usage_error=True,
    )


def check_packages() -> CheckResult | None:
    """Warn if a top-level package of Telex is also one of another distribution, or is imported from another folder.

    Returns None if all packages are Telex's own.
    """
    distributions_by_package = packages_distributions()
    clashes = []
    for name in ("bot", "cogs", "data"):
        others = set(distributions_by_package.get(name, ())) - {"telex"}
        spec = find_spec(name)
        if spec is None or spec.origin is None or Path(spec.origin).parent != DATA.with_name(name):
            others.add(str(spec and spec.origin))
        clashes += [f"{name} is also a package of {other}" for other in sorted(others)]
    if not clashes:
        return None
    advice = "Install Telex in an environment of its own: uv tool install telex, or pipx install telex"
    return CheckResult("packages", is_ok=True, is_warning=True, detail="; ".join(clashes), advice=advice)


def check_missing_database(location: Path | DatabaseUrl) -> CheckResult:
    """Check whether the database that does not exist yet can be created."""
    subject = "database"
    if isinstance(location, DatabaseUrl):
        return CheckResult(subject, is_ok=True, detail=f"none yet: `telex run` creates its tables in {location}")
    path = location.absolute()
    existing_folder = next(folder for folder in path.parents if folder.exists())
    if not existing_folder.is_dir() or not os.access(existing_folder, os.W_OK | os.X_OK):
        detail = f"none yet, and {path} can’t be created: {existing_folder} isn’t a folder that can be written to"
        return CheckResult(subject, is_ok=False, detail=detail, is_usage_error=True)
    folder_sentence = "whose folder can be written to" if existing_folder == path.parent else "with its folder"
    return CheckResult(subject, is_ok=True, detail=f"none yet: `telex run` creates {path}, {folder_sentence}")


async def check_model(settings: Settings) -> CheckResult:
    """Check that the model service answers and that the configured model answers a test question in the right format.

    `settings` must have the service's URL.
    """
    subject, clock = "model service", SystemClock()
    async with ModelClient(settings, clock) as client:
        try:
            availability = await client.check_availability()
        except ModelError as error:
            return CheckResult(subject, is_ok=False, detail=f"cannot be used: {error}")
        trial = await try_model(client, settings, clock)
    if trial.has_right_answer and not trial.failed_tasks:
        return CheckResult(
            subject, is_ok=True, detail=f"{availability}; answered a test in {trial.duration_seconds:.1f} s"
        )
    if trial.failed_tasks:
        problem = f"its replies can't be used for: {', '.join(trial.failed_tasks)}"
    else:
        problem = "didn't answer a question whose answer it was shown"
    advice = "Try a larger model, a longer TELEX_MODEL_TIMEOUT, or turn thinking off."
    return CheckResult(subject, is_ok=False, detail=f"{availability}, but {problem}", advice=advice)


def check_semantic_search(settings: Settings, encoded_counts: EncodedCounts) -> CheckResult:
    """Check whether semantic search is on, and how many articles are encoded."""
    subject = "semantic search"
    model_id = article_encoder.find_model_id()
    if model_id is None:
        advice = f"To turn on semantic search: {build_extra_command('semantic')}"
        return CheckResult(subject, is_ok=True, detail="off: its extra isn’t installed", advice=advice)
    if not settings.semantic:
        return CheckResult(subject, is_ok=True, detail="off: TELEX_SEMANTIC is false")
    return CheckResult(
        subject,
        is_ok=True,
        detail=f"{model_id}: {encoded_counts.encoded_count} of {encoded_counts.article_count} articles encoded",
    )


def check_feed_secrets(settings: Settings, url_counts: EncryptionCounts) -> CheckResult:
    """Check whether feed addresses that contain a password or key are encrypted."""
    subject = "feed secrets"
    if not url_counts.private_url_count:
        return CheckResult(subject, is_ok=True, detail="none")
    if settings.secret_key is None:
        detail = (
            f"{url_counts.private_url_count} in plain text: set TELEX_SECRET_KEY (`telex rekey --new`) to encrypt them"
        )
        return CheckResult(subject, is_ok=True, detail=detail)
    return CheckResult(
        subject,
        is_ok=url_counts.encrypted_url_count == url_counts.private_url_count,
        detail=f"{url_counts.encrypted_url_count} of {url_counts.private_url_count} encrypted",
    )


async def check_feed(fetcher: Fetcher, feed: Feed) -> CheckResult:
    """Check that a feed answers now, without parsing its document."""
    redacted_url = redact(feed.url)
    try:
        response = await fetcher.get(feed.url, validators=feed.validators)
    except FeedError as error:
        return CheckResult(redacted_url, is_ok=False, detail=describe_feed_error(error.code, feed.url))
    return CheckResult(
        redacted_url,
        is_ok=True,
        detail="unchanged" if response.is_not_modified else f"{len(response.body):,} bytes",
    )
