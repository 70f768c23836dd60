"""Attributes by which OPML lists of Telex record Discord channels, filters, and looks (appearance of posts).

Other feed readers ignore them; docs/opml.md describes them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

import msgspec

from bot.core.discord_ids import parse_discord_id
from bot.core.preferences import Filter, PostLook
from bot.core.received_values import to_single_line

NAMESPACE = "urn:telex:opml:1"
"""XML namespace of Telex's attributes in OPML lists. A version that this one could not read would have another."""
PREFIX = "telex"
"""Prefix of the XML namespace of Telex in exported OPML lists; an imported list may declare another."""
MAX_FILTERS_PER_OUTLINE = 20
"""Maximum number of filters that are read from one outline."""
_DECLARATION_PATTERN = re.compile(rf"""\sxmlns:([\w.-]{{1,40}})\s*=\s*["']{re.escape(NAMESPACE)}["']""")
_MAX_QUERY_CHARS = 1_000
"""Maximum number of characters of a filter's query that are read."""
_MAX_LOOK_CHARS = 12_000
"""Maximum number of characters that are read of a look's (appearance of posts) JSON: the longest, all escaped."""
_MAX_COLOUR = 0xFFFFFF
"""White, the highest colour as 0xRRGGBB."""
_MAX_END = 253_402_300_799
"""Latest end of a filter, as Unix time in seconds: the end of the year 9999."""


class OutlineSetup(NamedTuple):
    """Settings that Telex wrote into an OPML outline: channel id, filters, look of posts (None for the server's).

    `unreadable_count` is the number of filters and looks that could not be read.
    """

    channel_id: int | None = None
    filters: tuple[Filter, ...] = ()
    look: PostLook | None = None
    unreadable_count: int = 0


def find_prefix(opml_start: str) -> str | None:
    """Return the prefix of Telex's attributes in an OPML list, in lower case, or None if its start declares none."""
    declaration_match = _DECLARATION_PATTERN.search(opml_start)
    return None if declaration_match is None else declaration_match[1].lower()


def read_setup(prefix: str | None, attributes: Mapping[str, str | None]) -> OutlineSetup:
    """Return the settings in an OPML outline's attributes (names in lower case); ignore malformed ones."""
    if prefix is None:
        return OutlineSetup()
    channel_text = attributes.get(f"{prefix}:channel") or ""
    filters: list[Filter] = []
    filter_lines = [line for line in (attributes.get(f"{prefix}:filters") or "").split("\n") if line.strip()]
    for filter_line in filter_lines[:MAX_FILTERS_PER_OUTLINE]:
        try:
            filters.append(_parse_filter(filter_line))
        except ValueError:
            continue
    look_text = attributes.get(f"{prefix}:look") or ""
    look = _parse_look(look_text) if look_text else None
    return OutlineSetup(
        parse_discord_id(channel_text),
        tuple(filters),
        look,
        len(filter_lines) - len(filters) + (bool(look_text) and look is None),
    )


def build_attributes(channel_id: int | None, filters: Iterable[Filter], look: PostLook | None = None) -> dict[str, str]:
    """Return OPML attributes that record a feed's or channel's settings; the role in a look is left out."""
    attributes = {} if channel_id is None else {f"{PREFIX}:channel": str(channel_id)}
    if filters_text := "\n".join(map(str, filters)):
        attributes[f"{PREFIX}:filters"] = filters_text
    if look is not None:
        attributes[f"{PREFIX}:look"] = str(replace(look, role_id=None))
    return attributes


def _parse_look(text: str) -> PostLook | None:
    """Return the look (appearance of posts) that JSON describes, without its role, or None if it is malformed."""
    try:
        look = msgspec.convert(asdict(PostLook.from_json(text[:_MAX_LOOK_CHARS])), PostLook)
        msgspec.json.encode(look)  # Raises for half a surrogate pair, which JSON can escape.
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    is_possible = 0 <= (look.colour or 0) <= _MAX_COLOUR and 0 <= (look.excerpt_length or 0) <= _MAX_LOOK_CHARS
    return replace(look, role_id=None) if is_possible else None


def _parse_filter(text: str) -> Filter:
    """Return a filter written like `never crypto`. Raises ValueError."""
    parsed_filter = Filter.parse(to_single_line(text, _MAX_QUERY_CHARS))
    if not parsed_filter.query or not 0 <= (parsed_filter.ends_at or 0) <= _MAX_END:
        raise ValueError("no query, or an impossible end")
    return parsed_filter
