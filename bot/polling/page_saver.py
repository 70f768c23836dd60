"""Saving of web pages by their links, each for the user alone who saves it."""

from collections.abc import Awaitable, Callable
from secrets import token_hex

from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.concurrency.rate_limits import TokenBucket
from bot.core.limits import Limit
from bot.core.models import Article, NewArticle
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_pages import PageFetcher
from bot.feeds.pages.page_content import PageContent
from bot.operating.applicable_limits import Limits
from bot.polling.host_throttle import Hosts
from bot.store import Store
from bot.text import shared_links, urls
from bot.text.times import feed_dates

MAX_SAVES = 10
"""Maximum number of pages that a user may save within `SAVE_PERIOD_SECONDS`."""
SAVE_PERIOD_SECONDS = 600.0
"""Number of seconds in which a user's used-up allowance of pages to save is refilled."""
MAX_CONCURRENT_SAVES = 4
"""Maximum number of pages that are read at a time for users who save them."""

_ARTICLE_KEY_BYTES, _PAGE_KEY_BYTES = 10, 16

FindReadableArticle = Callable[[str], Awaitable[Article | None]]
"""Function that returns an article of a feed at a URL that the user may read, or None if there is none."""


class SaveFailure(ReasonCode):
    """Reasons why a link is not saved, with the fields of their message."""

    DISCORD_LINK = "discord-link"
    SECRET_LINK = "secret-link"  # noqa: S105 - no password
    TOO_FAST = "too-fast"  # with `count`, `moment`


class PageSaver:
    """Reader of the pages that users save, and of no others.

    A saved page is an article of a feed of its user alone, whose articles are only read where this feed is named. Its
    keys are random, so that it has no key in common with an article of the same page, and never shares its text.
    """

    def __init__(self, store: Store, limits: Limits, page_fetcher: PageFetcher, hosts: Hosts) -> None:
        self._store, self._limits, self._page_fetcher, self._hosts = store, limits, page_fetcher, hosts
        self._rate_limiter = TokenBucket(store.clock, max_tokens=MAX_SAVES, period_seconds=SAVE_PERIOD_SECONDS)
        self._save_slots = FairSemaphore(MAX_CONCURRENT_SAVES)

    async def save(
        self, link: str, *, user_id: int, find_readable_article: FindReadableArticle
    ) -> tuple[Article, bool | None]:
        """Save the page at a link for a user; return its article, and whether it is a new saved page.

        If an article of a feed is at the link, and the user may read it, nothing is read or stored: that article
        is returned, with None. Raises RequestRejected if the link is not to be saved or the user has saved too
        much, FeedError if the page cannot be read, StoreError.
        """
        url = _normalize_link(link)
        if (article := await find_readable_article(url)) is not None:
            return article, None
        await self._require_quota(user_id)
        async with self._save_slots.acquire(user_id):
            final_url, page_content = await self._read_page(url)
        saved_url = _normalize_link(final_url)
        if (article := await find_readable_article(saved_url)) is not None:
            return article, None
        new_article = _build_article(saved_url, page_content, self._store.clock.now())
        max_pages = await self._limits.load(Limit.SAVED_PAGES_PER_USER)
        article_and_is_new = await self._store.saved_pages.add(user_id, new_article, max_pages=max_pages)
        if article_and_is_new is None:
            raise RequestRejected(Limit.SAVED_PAGES_PER_USER, count=max_pages)
        return article_and_is_new

    async def _require_quota(self, user_id: int) -> None:
        """Count a save of a user. Raises RequestRejected if the user has saved too much."""
        await self._limits.require_below(await self._store.saved_pages.count(user_id), Limit.SAVED_PAGES_PER_USER)
        if wait_seconds := self._rate_limiter.retry_after(user_id):
            retry_at = self._store.clock.now() + int(wait_seconds) + 1
            raise RequestRejected(SaveFailure.TOO_FAST, count=MAX_SAVES, moment=retry_at)
        self._rate_limiter.consume(user_id)

    async def _read_page(self, url: str) -> tuple[str, PageContent]:
        host = self._hosts.get(url)
        if host.backoff_until > self._store.clock.now():
            raise FeedError(fetch_errors.RATE_LIMITED)
        try:
            return await self._page_fetcher.fetch_content(
                url, host_throttle=self._hosts.select_throttle(wait_for_host=False)
            )
        except FeedError as error:
            host.back_off_for(error)
            raise


def _normalize_link(link: str) -> str:
    """Return the canonical URL of a link to be saved.

    Raises FeedError (bad-url) if it is no URL, and RequestRejected if it leads into Discord or grants access to
    whoever knows it.
    """
    try:
        url = urls.canonicalize(urls.normalize_typed_url(link))
    except ValueError as error:
        raise FeedError(fetch_errors.BAD_URL) from error
    if shared_links.is_discord_link(url):
        raise RequestRejected(SaveFailure.DISCORD_LINK)
    if urls.has_credentials(url):
        raise RequestRejected(SaveFailure.SECRET_LINK)
    return url


def _build_article(url: str, page_content: PageContent, now: int) -> NewArticle:
    site_name = page_content.site_name or urls.parse_host(url).removeprefix("www.")
    return NewArticle(
        key=token_hex(_ARTICLE_KEY_BYTES),
        page_key=token_hex(_PAGE_KEY_BYTES),
        url=url,
        identity_hashes=(),
        fingerprint=b"",
        title=page_content.title or urls.redact(url),
        summary=page_content.summary,
        text=page_content.text,
        body=page_content.text,
        author=page_content.author,
        outlet=site_name,
        language=page_content.language,
        tags=(),
        image_url=page_content.image_url,
        published=feed_dates.clamp_publication_time(page_content.published, now),
    )
