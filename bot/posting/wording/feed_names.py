"""Names of feeds as people see them."""

from bot.core.models import Feed
from bot.text import discord_text, urls

_MAX_NAME_LENGTH = 80
"""Maximum length in UTF-16 units of the name of a feed."""


def feed_name(feed: Feed) -> str:
    """Return the display name of a feed as plain text: its title, outlet or redacted URL."""
    return discord_text.to_plain_line(feed.title or feed.outlet or urls.redact(feed.url), _MAX_NAME_LENGTH)


def bold_feed_name(feed: Feed) -> str:
    """Return the display name of a feed in bold, with markup escaped."""
    return f"**{discord_text.escape_markdown(feed_name(feed))}**"
