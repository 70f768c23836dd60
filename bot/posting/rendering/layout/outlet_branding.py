"""How an outlet appears in a message: its tile, its colour and its byline.

A tile is an emoji of the application with the outlet's icon. An outlet without a tile has an emoji with its initial
on a colour or, until that exists, a coloured square. `set_emoji` sets which emoji exist.
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
"""Colour of Telex itself (0xRRGGBB), for messages without an outlet."""

_SQUARE_BY_COLOUR = {
    0x2F7FE0: "🟦",
    0xC94F2F: "🟧",
    0x2F9E68: "🟩",
    0x8A58D0: "🟪",
    0xD0902F: "🟨",
    0xB03A55: "🟥",
    0x8A6240: "🟫",
}
INITIAL_COLOURS = tuple(_SQUARE_BY_COLOUR)
"""Colours (0xRRGGBB) for outlets without an icon, chosen by the outlet's name."""

_MAX_NAME_LENGTH, _MAX_WEBHOOK_NAME_LENGTH = 60, 80  # in UTF-16 units
_FORBIDDEN_NAME_PARTS = ("discord", "clyde")
"""Words that Discord does not allow in the name of a webhook."""


class Tile(NamedTuple):
    """Emoji with the icon of an outlet, in markup, and the icon's main colour (0xRRGGBB), or None if it has none."""

    emoji: str
    colour: int | None = None


class WebhookIdentity(NamedTuple):
    """Name of an outlet's posts by webhook, and the URL of their picture; None shows the webhook's own picture."""

    name: str
    avatar_url: str | None


_tile_by_feed_id: Mapping[int, Tile] = {}
_emoji_by_initial_and_colour: Mapping[tuple[str, int], str] = {}
outlet_emoji_use_counts: Counter[int] = Counter()
"""Number of times that the emoji of each feed's outlet was shown since the upkeep of emoji last took the counts."""
missing_initials: set[tuple[str, int]] = set()
"""Pairs of initial and colour that messages needed but for which no emoji exists yet.

The upkeep of the application's emoji takes them and creates the emoji.
"""
MAX_MISSING_INITIALS = 400
"""Maximum number of noted initials without an emoji: enough for all letters and digits in all colours."""


def set_emoji(tile_by_feed_id: Mapping[int, Tile], emoji_by_initial_and_colour: Mapping[tuple[str, int], str]) -> None:
    """Set the emoji of outlets (tiles), by feed id, and the emoji of initials, by letter and colour."""
    global _tile_by_feed_id, _emoji_by_initial_and_colour
    _tile_by_feed_id, _emoji_by_initial_and_colour = tile_by_feed_id, emoji_by_initial_and_colour


def get_initial(outlet_name: str) -> str:
    """Return the letter or digit that stands for an outlet; "" if its name has no ASCII letter or digit."""
    folded_name = words.fold(discord_text.to_plain_line(outlet_name))
    folded_name = folded_name.removeprefix("the ").removeprefix("le ").removeprefix("la ").removeprefix("les ")
    return next((letter.upper() for letter in folded_name if letter.isascii() and letter.isalnum()), "")


def outlet_colour(feed_id: int, outlet_name: str) -> int:
    """Return the colour of an outlet (0xRRGGBB): the colour of its icon, or a colour derived from its name."""
    tile = _tile_by_feed_id.get(feed_id)
    return tile.colour if tile is not None and tile.colour is not None else _select_colour(outlet_name)


def outlet_emoji(feed_id: int, outlet_name: str) -> str:
    """Return the emoji of an outlet in markup, and count that it was shown."""
    outlet_emoji_use_counts[feed_id] += 1
    tile = _tile_by_feed_id.get(feed_id)
    if tile is not None:
        return tile.emoji
    initial_and_colour = (get_initial(outlet_name), _select_colour(outlet_name))
    emoji = _emoji_by_initial_and_colour.get(initial_and_colour)
    if emoji is None and initial_and_colour[0] and len(missing_initials) < MAX_MISSING_INITIALS:
        missing_initials.add(initial_and_colour)
    return emoji or _SQUARE_BY_COLOUR[initial_and_colour[1]]


def emoji_and_name(feed_id: int, outlet_name: str) -> str:
    """Return the emoji and the bold name of an outlet in Discord markup; "" if it has no name.

    Counts that the emoji was shown.
    """
    name = discord_text.to_markdown_line(outlet_name, _MAX_NAME_LENGTH)
    return f"{outlet_emoji(feed_id, outlet_name)} **{name}**" if name else ""


def get_webhook_identity(feed_id: int, outlet_name: str) -> WebhookIdentity | None:
    """Return the name and picture of an outlet's posts by webhook; None if it has no name or Discord forbids the name.

    Counts that its emoji was shown. See
    https://discord.com/developers/docs/resources/webhook#create-webhook
    """
    name = discord_text.to_plain_line(outlet_name, _MAX_WEBHOOK_NAME_LENGTH)
    if not name or any(word in name.casefold() for word in _FORBIDDEN_NAME_PARTS):
        return None
    return WebhookIdentity(name, discord.PartialEmoji.from_str(outlet_emoji(feed_id, outlet_name)).url or None)


def byline_block(article: Article, *extra_parts: str, omit_outlet: bool = False) -> Text:
    """Return a text block with a small line on an article: its outlet unless omitted, its time, and further markup."""
    outlet_markup = "" if omit_outlet else emoji_and_name(article.feed_id, article.outlet)
    byline_parts = (outlet_markup, f"<t:{article.published}:R>", *extra_parts)
    return Text(("-# " + " · ".join(filter(None, byline_parts)),))


def _select_colour(outlet_name: str) -> int:
    return INITIAL_COLOURS[crc32(words.fold(discord_text.to_plain_line(outlet_name)).encode()) % len(INITIAL_COLOURS)]
