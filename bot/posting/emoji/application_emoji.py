"""Keeps the application's emoji: an icon of each outlet that is shown, initials, and icons of buttons.

An icon is fetched once, and what replaces it when Discord takes no more emoji is the one not shown for
longest. What is not there yet is drawn or fetched after it was asked for (`outlets.used`, `outlets.wanted`).
"""

import logging
from collections.abc import Iterable
from hashlib import blake2b

import aiohttp
import discord
from yarl import URL

from bot.core.clock import Clock
from bot.core.models import Feed
from bot.core.workers import WorkerError, Workers
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlets
from bot.posting.rendering.layout.icons import Icon
from bot.store import Store
from bot.store.records.source_records import OutletIcon
from bot.text import urls

log = logging.getLogger(__name__)

MOST = 1_950
"""Emoji of ours: https://discord.com/developers/docs/resources/emoji#emoji-object-applicationowned-emoji"""
AGAIN = 30 * 86_400
"""Seconds after which an icon that could not be shown is fetched once more."""
READ_AGAIN = 300.0
"""Seconds after which a process learns what another one made."""

_MOST_BYTES = 512 * 1024
_ACCEPT = "image/png,image/x-icon,image/webp,image/*;q=0.8"
_FIRST, _PAUSE = 30.0, 15.0
_AFTER_REFUSAL, _AFTER_SILENCE = 3600.0, 120.0
_AT_ONCE = 10  # icons that are fetched in one round
_ICON, _INITIAL, _BUTTON = "outlet_", "initial_", "button_"


class ApplicationEmoji:
    """Those of one process. `run` is the loop, `look` one round of it.

    Whoever has the first shard makes them; the other processes read now and then what there is.
    """

    def __init__(
        self, store: Store, client: discord.Client, clock: Clock, fetcher: Fetcher, workers: Workers
    ) -> None:
        self._store, self._client, self._clock = store, client, clock
        self._fetcher, self._workers = fetcher, workers
        self._emoji: dict[str, discord.Emoji] = {}
        self._known: dict[str, OutletIcon] = {}
        self._address: dict[int, str | None] = {}  # of feeds by their ids
        self._queue: dict[str | None, None] = {}  # addresses in the order in which they are fetched
        self._read_at: float | None = None  # monotonic
        self._begun = False

    async def run(self) -> None:
        """Look now and then, for ever; what is posted right after the start does not wait for it."""
        await self._client.wait_until_ready()
        await self._clock.sleep(
            _FIRST if self._store.shards.has(None) else 2 * _FIRST
        )  # one process goes first
        while True:
            try:
                await self.look()
            except (discord.DiscordException, WorkerError) as error:
                log.warning("Discord takes no emoji for now: %s", error)
                await self._clock.sleep(_AFTER_REFUSAL)
            except (aiohttp.ClientError, OSError) as error:  # no network: others say it
                log.info("Discord cannot be asked for emoji: %s", error)
                await self._clock.sleep(_AFTER_SILENCE)
            await self._clock.sleep(_PAUSE)

    async def look(self) -> None:
        """Fetch and draw what was asked for since. Raises what discord.py raises."""
        if not self._store.shards.has(None):
            await self._follow()
            return
        if not self._begun:
            await self._begin()
        used, outlets.used = outlets.used, type(outlets.used)()
        wanted, outlets.wanted = outlets.wanted, set()
        for feed_id in used.keys() - self._address.keys():
            self._learn(await self._store.feeds.get(feed_id))
        shown = {_named(address) for feed_id in used if (address := self._address.get(feed_id)) is not None}
        await self._store.outlet_icons.shown(shown, self._clock.now())
        for letter, colour in sorted(wanted)[: outlets.MOST_INITIALS]:
            name = f"{_INITIAL}{letter}_{outlets.COLOURS.index(colour)}"
            if name not in self._emoji:
                drawn = await self._workers.run(
                    tile_drawing.of_initial, letter, colour, timeout=tile_drawing.TIME
                )
                await self._upload(name, drawn.png)
        for feed_id in used:
            self._queue[self._address.get(feed_id)] = None
        due = [address for address in self._queue if address is not None and self._is_due(address)]
        self._queue = dict.fromkeys(due[_AT_ONCE:])
        for address in due[:_AT_ONCE]:
            await self._fetch(address)
        self._publish()

    async def _follow(self) -> None:
        """Learn now and then what another process made, and tell what was shown."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= READ_AGAIN:
            self._read_at = now
            await self._read()
            self._publish()
        used, outlets.used = outlets.used, type(outlets.used)()
        shown = {_named(address) for feed_id in used if (address := self._address.get(feed_id)) is not None}
        await self._store.outlet_icons.shown(shown, self._clock.now())

    async def _read(self) -> None:
        found = await self._client.fetch_application_emojis()
        self._emoji = {each.name: each for each in found}
        self._known = {each.name: each for each in await self._store.outlet_icons.all()}
        for feed in await self._store.feeds.all():
            self._learn(feed)

    async def _begin(self) -> None:
        """Learn what there is, and bring the icons of buttons, once."""
        await self._read()
        self._queue = dict.fromkeys(list(self._address.values())[: MOST // 2])
        self._begun = True
        self._publish()
        for icon, picture in icons.pictures().items():
            if _BUTTON + icon.name.lower() not in self._emoji:
                await self._upload(_BUTTON + icon.name.lower(), picture)

    def _learn(self, feed: Feed | None) -> None:
        if feed is not None:
            self._address[feed.id] = address_of(feed)

    def _is_due(self, address: str) -> bool:
        known = self._known.get(_named(address))
        if known is None:
            return True
        if known.shown is None:
            return known.looked + AGAIN <= self._clock.now()
        return known.name not in self._emoji  # it was replaced

    async def _fetch(self, address: str) -> None:
        name, now = _named(address), self._clock.now()
        icon = OutletIcon(name, now, None, None)
        try:
            got = await self._fetcher.get(address, accept=_ACCEPT, max_bytes=_MOST_BYTES)
            tile = await self._workers.run(tile_drawing.of_icon, got.body, timeout=tile_drawing.TIME)
        except (FeedError, WorkerError, ValueError) as error:
            log.debug("No icon of %s: %s", urls.masked(address), error)
        else:
            if name not in self._emoji:  # of an earlier database
                await self._upload(name, tile.png)
            icon = OutletIcon(name, now, tile.colour, now)
        self._known[name] = icon
        await self._store.outlet_icons.write(icon)

    async def _upload(self, name: str, png: bytes) -> None:
        if self._store.shards.end:  # another process may have
            there = await self._client.fetch_application_emojis()
            self._emoji = {each.name: each for each in there}
            if name in self._emoji:
                return
        if len(self._emoji) >= MOST:
            await self._make_room()
        self._emoji[name] = await self._client.create_application_emoji(name=name, image=png)

    async def _make_room(self) -> None:
        """Give up the icon that was not shown for longest."""
        there = [each for each in await self._store.outlet_icons.all() if each.name in self._emoji]
        if there:
            oldest = min(there, key=lambda each: each.shown or 0)
            await self._emoji.pop(oldest.name).delete()

    def _publish(self) -> None:
        """Let what is rendered from now on show what there is."""
        tiles = {}
        for feed_id, address in self._address.items():
            name = _named(address) if address is not None else ""
            if name in self._emoji and name in self._known:
                tiles[feed_id] = outlets.Tile(str(self._emoji[name]), self._known[name].colour)
        outlets.know(tiles, dict(_initials(self._emoji.values())))
        icons.know(
            {
                icon: str(self._emoji[name])
                for icon in Icon
                if (name := _BUTTON + icon.name.lower()) in self._emoji
            }
        )


def address_of(feed: Feed) -> str | None:
    """Where the icon of a feed's outlet is: where the feed says, else at its site's usual place.

    None for a feed of one server: its address is nobody else's business.
    """
    if feed.server_id is not None:
        return None
    if feed.icon:
        return feed.icon
    site = URL(feed.site_url or feed.url)
    return str(site.origin() / "favicon.ico") if site.scheme in {"http", "https"} and site.host else None


def _named(address: str) -> str:
    return _ICON + blake2b(address.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _initials(emoji: Iterable[discord.Emoji]) -> Iterable[tuple[tuple[str, int], str]]:
    for each in emoji:
        if each.name.startswith(_INITIAL):
            letter, _line, number = each.name.removeprefix(_INITIAL).partition("_")
            if number.isdecimal() and int(number) < len(outlets.COLOURS):
                yield (letter, outlets.COLOURS[int(number)]), str(each)
