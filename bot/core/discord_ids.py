"""Parsing of Discord's ids, which people copy in Discord's developer mode."""

import re

from bot.core.received_values import parse_integer

_ID_PATTERN = re.compile(r"[1-9][0-9]{14,18}")


def parse_discord_id(text: str) -> int | None:
    """Return the id of a server, channel or user that a text consists of, or None for any other text."""
    return parse_integer(text) if _ID_PATTERN.fullmatch(text.strip()) else None
