"""Upkeep of the emoji that belong to the bot's application: icons of outlets, initials, and icons of buttons.

An outlet's icon, or its initial if it has no icon, is shown as a tile. An icon is fetched once. From `MAX_EMOJI`
emoji on, a new one replaces the icon that was not shown for longest. Missing emoji are drawn or fetched after
their first use (`outlet_branding.outlet_emoji_use_counts`, `missing_initials`). Of several processes, the owner of the
first shard leads: it alone creates emoji.
"""

import logging
from collections.abc import Iterable
from hashlib import blake2b

import aiohttp
import discord
from yarl import URL

from bot.core.clock import Clock
from bot.core.concurrency.worker_pool import WorkerError, WorkerPool
from bot.core.models import Feed
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlet_branding
from bot.posting.rendering.layout.icons import Icon
from bot.store import Store
from bot.store.records.source_records import OutletIcon
from bot.text import urls

log = logging.getLogger(__name__)

MAX_EMOJI = 1_950
"""Maximum number of emoji that Telex stores in Discord, which allows 2,000 per application.

https://discord.com/developers/docs/resources/emoji#emoji-object-applicationowned-emoji
"""
FAILED_ICON_RETRY_SECONDS = 30 * 86_400
"""Time in seconds after which an icon that could not be used is fetched again."""
REFRESH_INTERVAL_SECONDS = 300.0
"""Time in seconds after which a process that does not create emoji itself reads again which exist."""

_MAX_ICON_BYTES = 512 * 1024
_ACCEPT_HEADER = "image/png,image/x-icon,image/webp,image/*;q=0.8"
_STARTUP_DELAY_SECONDS, _LOOP_INTERVAL_SECONDS = 30.0, 15.0
_REFUSAL_BACKOFF_SECONDS, _NETWORK_BACKOFF_SECONDS = 3600.0, 120.0
_MAX_FETCHES_PER_ROUND = 10
"""Maximum number of outlets' icons that are fetched in one round of upkeep; further icons wait for the next."""
_OUTLET_ICON_NAME_PREFIX, _INITIAL_NAME_PREFIX, _BUTTON_NAME_PREFIX = "outlet_", "initial_", "button_"


class ApplicationEmojiSync:
    """Synchroniser of the application's emoji with the outlets and buttons that messages show.

    The owner of the first shard creates the emoji; the other processes read them now and then.
    """

    def __init__(
        self, store: Store, client: discord.Client, clock: Clock, fetcher: Fetcher, workers: WorkerPool
    ) -> None:
        self._store, self._client, self._clock = store, client, clock
        self._fetcher, self._workers = fetcher, workers
        self._emoji_by_name: dict[str, discord.Emoji] = {}
        self._icon_record_by_name: dict[str, OutletIcon] = {}
        self._icon_url_by_feed_id: dict[int, str | None] = {}
        self._queued_icon_urls: dict[str | None, None] = {}  # Used as an ordered set of URLs.
        self._refreshed_at: float | None = None  # monotonic seconds
        self._is_initialized = False

    async def run(self) -> None:
        """Keep creating the emoji that are needed until cancelled, after a delay at the start so as not to delay posts.

        Raises StoreError.
        """
        await self._client.wait_until_ready()
        # The leading process creates the emoji before the others read them.
        await self._clock.sleep(
            _STARTUP_DELAY_SECONDS if self._store.shards.serves(None) else 2 * _STARTUP_DELAY_SECONDS
        )
        while True:
            try:
                await self.run_once()
            except (discord.DiscordException, WorkerError) as error:
                log.warning("emoji sync rejected error=%s", error)
                await self._clock.sleep(_REFUSAL_BACKOFF_SECONDS)
            except (aiohttp.ClientError, OSError) as error:  # Other tasks warn of a lost network.
                log.info("emoji sync failed error=%s", error)
                await self._clock.sleep(_NETWORK_BACKOFF_SECONDS)
            await self._clock.sleep(_LOOP_INTERVAL_SECONDS)

    async def run_once(self) -> None:
        """Create emoji that were needed since the last round; if another process leads, read them now and then.

        Which icons were shown is stored. Raises StoreError, WorkerError, discord.DiscordException, aiohttp.ClientError
        and TimeoutError.
        """
        if not self._store.shards.serves(None):
            await self._refresh_from_leader()
            return
        if not self._is_initialized:
            await self._initialize()
        use_count_by_feed_id, outlet_branding.outlet_emoji_use_counts = (
            outlet_branding.outlet_emoji_use_counts,
            type(outlet_branding.outlet_emoji_use_counts)(),
        )
        missing_initials, outlet_branding.missing_initials = outlet_branding.missing_initials, set()
        for feed_id in use_count_by_feed_id.keys() - self._icon_url_by_feed_id.keys():
            self._register_feed(await self._store.feeds.get(feed_id))
        used_icon_names = {
            _build_emoji_name(icon_url)
            for feed_id in use_count_by_feed_id
            if (icon_url := self._icon_url_by_feed_id.get(feed_id)) is not None
        }
        await self._store.outlet_icons.mark_shown(used_icon_names, self._clock.now())
        for letter, colour in sorted(missing_initials)[: outlet_branding.MAX_MISSING_INITIALS]:
            emoji_name = f"{_INITIAL_NAME_PREFIX}{letter}_{outlet_branding.INITIAL_COLOURS.index(colour)}"
            if emoji_name not in self._emoji_by_name:
                tile_image = await self._workers.run(
                    tile_drawing.draw_initial_tile, letter, colour, timeout=tile_drawing.DRAW_TIMEOUT_SECONDS
                )
                await self._upload(emoji_name, tile_image.png)
        for feed_id in use_count_by_feed_id:
            self._queued_icon_urls[self._icon_url_by_feed_id.get(feed_id)] = None
        due_icon_urls = [
            icon_url for icon_url in self._queued_icon_urls if icon_url is not None and self._needs_fetch(icon_url)
        ]
        self._queued_icon_urls = dict.fromkeys(due_icon_urls[_MAX_FETCHES_PER_ROUND:])
        for due_icon_url in due_icon_urls[:_MAX_FETCHES_PER_ROUND]:
            await self._fetch_and_upload(due_icon_url)
        self._update_renderer()

    async def _refresh_from_leader(self) -> None:
        """Read the emoji that the leading process created if it is time to, and record which emoji were shown."""
        now = self._clock.monotonic()
        if self._refreshed_at is None or now - self._refreshed_at >= REFRESH_INTERVAL_SECONDS:
            self._refreshed_at = now
            await self._load()
            self._update_renderer()
        use_count_by_feed_id, outlet_branding.outlet_emoji_use_counts = (
            outlet_branding.outlet_emoji_use_counts,
            type(outlet_branding.outlet_emoji_use_counts)(),
        )
        used_icon_names = {
            _build_emoji_name(icon_url)
            for feed_id in use_count_by_feed_id
            if (icon_url := self._icon_url_by_feed_id.get(feed_id)) is not None
        }
        await self._store.outlet_icons.mark_shown(used_icon_names, self._clock.now())

    async def _load(self) -> None:
        application_emoji = await self._client.fetch_application_emojis()
        self._emoji_by_name = {emoji.name: emoji for emoji in application_emoji}
        self._icon_record_by_name = {
            icon_record.emoji_name: icon_record for icon_record in await self._store.outlet_icons.list_all()
        }
        for feed in await self._store.feeds.list_all():
            self._register_feed(feed)

    async def _initialize(self) -> None:
        """Read the existing emoji, queue outlets' icons to be fetched, and upload missing button icons."""
        await self._load()
        self._queued_icon_urls = dict.fromkeys(list(self._icon_url_by_feed_id.values())[: MAX_EMOJI // 2])
        self._update_renderer()
        for button_icon, png_bytes in icons.load_icon_images().items():
            if _BUTTON_NAME_PREFIX + button_icon.name.lower() not in self._emoji_by_name:
                await self._upload(_BUTTON_NAME_PREFIX + button_icon.name.lower(), png_bytes)
        self._is_initialized = True

    def _register_feed(self, feed: Feed | None) -> None:
        if feed is not None:
            self._icon_url_by_feed_id[feed.id] = get_icon_url(feed)

    def _needs_fetch(self, icon_url: str) -> bool:
        icon_record = self._icon_record_by_name.get(_build_emoji_name(icon_url))
        if icon_record is None:
            return True
        if icon_record.last_shown_at is None:
            return icon_record.fetched_at + FAILED_ICON_RETRY_SECONDS <= self._clock.now()
        return icon_record.emoji_name not in self._emoji_by_name  # It was evicted.

    async def _fetch_and_upload(self, icon_url: str) -> None:
        emoji_name, now = _build_emoji_name(icon_url), self._clock.now()
        icon_record = OutletIcon(emoji_name, now, None, None)
        try:
            response = await self._fetcher.get(icon_url, accept=_ACCEPT_HEADER, max_bytes=_MAX_ICON_BYTES)
            tile_image = await self._workers.run(
                tile_drawing.draw_icon_tile, response.body, timeout=tile_drawing.DRAW_TIMEOUT_SECONDS
            )
        except (FeedError, WorkerError, ValueError) as error:
            log.debug("icon failed url=%s error=%s", urls.redact(icon_url), error)
        else:
            if emoji_name not in self._emoji_by_name:  # It may exist from an earlier database.
                await self._upload(emoji_name, tile_image.png)
            icon_record = OutletIcon(emoji_name, now, tile_image.colour, now)
        self._icon_record_by_name[emoji_name] = icon_record
        await self._store.outlet_icons.save(icon_record)

    async def _upload(self, emoji_name: str, png_bytes: bytes) -> None:
        if self._store.shards.is_leased:  # A peer may have uploaded it.
            application_emoji = await self._client.fetch_application_emojis()
            self._emoji_by_name = {emoji.name: emoji for emoji in application_emoji}
            if emoji_name in self._emoji_by_name:
                return
        if len(self._emoji_by_name) >= MAX_EMOJI:
            await self._evict_least_recently_shown()
        self._emoji_by_name[emoji_name] = await self._client.create_application_emoji(name=emoji_name, image=png_bytes)

    async def _evict_least_recently_shown(self) -> None:
        """Delete the emoji of the outlet icon that was not shown for longest."""
        uploaded_records = [
            icon_record
            for icon_record in await self._store.outlet_icons.list_all()
            if icon_record.emoji_name in self._emoji_by_name
        ]
        if uploaded_records:
            least_recently_shown_record = min(
                uploaded_records, key=lambda uploaded_record: uploaded_record.last_shown_at or 0
            )
            await self._emoji_by_name.pop(least_recently_shown_record.emoji_name).delete()

    def _update_renderer(self) -> None:
        """Make messages that are rendered from now on use the emoji that exist."""
        tile_by_feed_id = {}
        for feed_id, icon_url in self._icon_url_by_feed_id.items():
            emoji_name = _build_emoji_name(icon_url) if icon_url is not None else ""
            if emoji_name in self._emoji_by_name and emoji_name in self._icon_record_by_name:
                tile_by_feed_id[feed_id] = outlet_branding.Tile(
                    str(self._emoji_by_name[emoji_name]), self._icon_record_by_name[emoji_name].colour
                )
        outlet_branding.set_emoji(tile_by_feed_id, dict(_parse_initials(self._emoji_by_name.values())))
        icons.set_application_emoji(
            {
                button_icon: str(self._emoji_by_name[emoji_name])
                for button_icon in Icon
                if (emoji_name := _BUTTON_NAME_PREFIX + button_icon.name.lower()) in self._emoji_by_name
            }
        )


def get_icon_url(feed: Feed) -> str | None:
    """Return the URL of a feed's icon: the icon that it names, else the favicon of its site, else of its host.

    Returns None without a host on the web, and for a private feed of one server, whose site must not appear
    elsewhere.
    """
    if feed.server_id is not None:
        return None
    if feed.icon_url:
        return feed.icon_url
    site_url = URL(feed.site_url or feed.url)
    return str(site_url.origin() / "favicon.ico") if site_url.scheme in {"http", "https"} and site_url.host else None


def _build_emoji_name(icon_url: str) -> str:
    return _OUTLET_ICON_NAME_PREFIX + blake2b(icon_url.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _parse_initials(application_emoji: Iterable[discord.Emoji]) -> Iterable[tuple[tuple[str, int], str]]:
    for emoji in application_emoji:
        if emoji.name.startswith(_INITIAL_NAME_PREFIX):
            letter, _separator, colour_index = emoji.name.removeprefix(_INITIAL_NAME_PREFIX).partition("_")
            if colour_index.isdecimal() and int(colour_index) < len(outlet_branding.INITIAL_COLOURS):
                yield (letter, outlet_branding.INITIAL_COLOURS[int(colour_index)]), str(emoji)
