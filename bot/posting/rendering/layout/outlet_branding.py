"""Who publishes, as a reader sees it: a tile, a colour, a small line.

A tile is the outlet's icon or its initial on its colour, an emoji of the application. `know` says which there
are; until there is one, a square of the colour stands for it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

import discord

from bot.core.models import Article
from bot.posting.rendering.layout.blocks import Text
from bot.text import discord_text, words

DEFAULT_COLOUR = 0x2E7D8C
"""That of Telex, for what is of no outlet."""

_SQUARES = {
    0x2F7FE0: "🟦",
    0xC94F2F: "🟧",
    0x2F9E68: "🟩",
    0x8A58D0: "🟪",
    0xD0902F: "🟨",
    0xB03A55: "🟥",
    0x8A6240: "🟫",
}
INITIAL_COLOURS = tuple(_SQUARES)
"""What outlets without an icon are told apart by."""

_MAX_NAME_LENGTH, _MAX_WEBHOOK_NAME_LENGTH = 60, 80  # UTF-16 units
_FORBIDDEN_NAME_PARTS = ("discord", "clyde")


class Tile(NamedTuple):
    """The emoji of an outlet as it is written in a message, and the colour that goes with it, if any."""

    emoji: str
    colour: int | None = None


class WebhookIdentity(NamedTuple):
    """Under what name and with what picture an outlet posts by a webhook; without one with the webhook's."""

    name: str
    avatar: str | None


_icons: Mapping[int, Tile] = {}
_initials: Mapping[tuple[str, int], str] = {}
tile_use_counts: Counter[int] = Counter()
"""How often each feed's tile was shown, until whoever fetches icons takes it."""
missing_initials: set[tuple[str, int]] = set()
"""Initials with their colours that were not there when they were to be shown, likewise."""
MAX_INITIALS = 400
"""Of all letters and digits on all colours."""


def set_emoji(icons: Mapping[int, Tile], initials: Mapping[tuple[str, int], str]) -> None:
    """From now on these are the tiles of feeds by their ids, and the emoji of initials on colours."""
    global _icons, _initials
    _icons, _initials = icons, initials


def initial(outlet: str) -> str:
    """The letter or digit that stands for an outlet, "" where its name has none of the Latin ones."""
    folded = words.fold(discord_text.to_plain_line(outlet))
    folded = folded.removeprefix("the ").removeprefix("le ").removeprefix("la ").removeprefix("les ")
    return next((letter.upper() for letter in folded if letter.isascii() and letter.isalnum()), "")


def colour(feed_id: int, outlet: str) -> int:
    """The colour of an outlet, 0xRRGGBB: that of its icon, else always the same one for its name."""
    known = _icons.get(feed_id)
    return known.colour if known is not None and known.colour is not None else _colour(outlet)


def tile(feed_id: int, outlet: str) -> str:
    """The emoji of an outlet, as it is written in a message."""
    tile_use_counts[feed_id] += 1
    known = _icons.get(feed_id)
    if known is not None:
        return known.emoji
    own = (initial(outlet), _colour(outlet))
    found = _initials.get(own)
    if found is None and own[0] and len(missing_initials) < MAX_INITIALS:
        missing_initials.add(own)
    return found or _SQUARES[own[1]]


def tile_and_name(feed_id: int, outlet: str) -> str:
    """Tile and name, markup; "" for an outlet without a name."""
    name = discord_text.to_markdown_line(outlet, _MAX_NAME_LENGTH)
    return f"{tile(feed_id, outlet)} **{name}**" if name else ""


def webhook_identity(feed_id: int, outlet: str) -> WebhookIdentity | None:
    """What an outlet's posts are signed with; None where Discord takes no such name.

    https://discord.com/developers/docs/resources/webhook#create-webhook
    """
    name = discord_text.to_plain_line(outlet, _MAX_WEBHOOK_NAME_LENGTH)
    if not name or any(word in name.casefold() for word in _FORBIDDEN_NAME_PARTS):
        return None
    return WebhookIdentity(name, discord.PartialEmoji.from_str(tile(feed_id, outlet)).url or None)


def byline(article: Article, *more: str, omit_outlet: bool = False) -> Text:
    """The small line of an article: tile, outlet unless the post is signed, how long ago, `more` markup."""
    outlet = "" if omit_outlet else tile_and_name(article.feed_id, article.outlet)
    parts = (outlet, f"<t:{article.published}:R>", *more)
    return Text(("-# " + " · ".join(filter(None, parts)),))


def _colour(outlet: str) -> int:
    return INITIAL_COLOURS[
        crc32(words.fold(discord_text.to_plain_line(outlet)).encode()) % len(INITIAL_COLOURS)
    ]
