"""How an outlet appears in a message: its tile, its colour and its byline.

A tile is an emoji of the application: the outlet's icon, or its initial on a colour. `set_emoji` says which
exist; until then a coloured square stands in.
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
"""Telex's own colour, for messages without an outlet."""

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
"""Colours of outlets without an icon, chosen by their names."""

_MAX_NAME_LENGTH, _MAX_WEBHOOK_NAME_LENGTH = 60, 80
_FORBIDDEN_NAME_PARTS = ("discord", "clyde")


class Tile(NamedTuple):
    """An outlet's emoji in markup, and the main colour of its icon (0xRRGGBB), None if it has none."""

    emoji: str
    colour: int | None = None


class WebhookIdentity(NamedTuple):
    """Name and picture of an outlet's webhook posts; without a picture the webhook's own is shown."""

    name: str
    avatar: str | None


_icons: Mapping[int, Tile] = {}
_initials: Mapping[tuple[str, int], str] = {}
tile_use_counts: Counter[int] = Counter()
"""How often each feed's tile was shown since `ApplicationEmojiSync` last collected the counts."""
missing_initials: set[tuple[str, int]] = set()
"""Pairs of initial and colour that were needed and do not exist yet, until they are collected."""
MAX_INITIALS = 400
"""Maximum number of missing initials: enough for all letters and digits in all colours."""


def set_emoji(icons: Mapping[int, Tile], initials: Mapping[tuple[str, int], str]) -> None:
    """Set the tiles by feed id, and the emoji of initials by letter and colour."""
    global _icons, _initials
    _icons, _initials = icons, initials


def initial(outlet: str) -> str:
    """Return the letter or digit that stands for an outlet; "" if its name has no ASCII one."""
    folded = words.fold(discord_text.to_plain_line(outlet))
    folded = folded.removeprefix("the ").removeprefix("le ").removeprefix("la ").removeprefix("les ")
    return next((letter.upper() for letter in folded if letter.isascii() and letter.isalnum()), "")


def colour(feed_id: int, outlet: str) -> int:
    """Return the colour of an outlet (0xRRGGBB): its icon's, or one derived from its name."""
    known = _icons.get(feed_id)
    return known.colour if known is not None and known.colour is not None else _colour(outlet)


def tile(feed_id: int, outlet: str) -> str:
    """Return the emoji of an outlet in markup, and count its use."""
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
    """Return tile and name of an outlet in markup; "" if it has no name."""
    name = discord_text.to_markdown_line(outlet, _MAX_NAME_LENGTH)
    return f"{tile(feed_id, outlet)} **{name}**" if name else ""


def webhook_identity(feed_id: int, outlet: str) -> WebhookIdentity | None:
    """Return the identity of an outlet's webhook posts; None if Discord forbids its name.

    https://discord.com/developers/docs/resources/webhook#create-webhook
    """
    name = discord_text.to_plain_line(outlet, _MAX_WEBHOOK_NAME_LENGTH)
    if not name or any(word in name.casefold() for word in _FORBIDDEN_NAME_PARTS):
        return None
    return WebhookIdentity(name, discord.PartialEmoji.from_str(tile(feed_id, outlet)).url or None)


def byline(article: Article, *more: str, omit_outlet: bool = False) -> Text:
    """Return the small line of an article: outlet unless omitted, time of publication, further markup."""
    outlet = "" if omit_outlet else tile_and_name(article.feed_id, article.outlet)
    parts = (outlet, f"<t:{article.published}:R>", *more)
    return Text(("-# " + " · ".join(filter(None, parts)),))


def _colour(outlet: str) -> int:
    return INITIAL_COLOURS[
        crc32(words.fold(discord_text.to_plain_line(outlet)).encode()) % len(INITIAL_COLOURS)
    ]
