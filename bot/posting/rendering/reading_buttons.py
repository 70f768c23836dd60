"""The buttons of cards and digests that people read. They outlive a restart, as those of `buttons`."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.locale import _
from bot.posting.rendering.discord_limits import LABEL
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon
from bot.text import safe

SHARE_TEMPLATE = r"telex:share:(?P<key>[^:\s]{1,80})"
"""The custom id of a button that shares an article with the channel, with the article's key."""
NOTE_TEMPLATE = r"telex:note:(?P<key>[^:\s]{1,80})"
"""The custom id of a button that opens the note and tags of a bookmark, with the article's key."""
MARK_TEMPLATE = r"telex:mark:(?P<how>read|unread):(?P<key>[^:\s]{1,80})"
"""The custom id of a button that marks a bookmark as read or unread, with the article's key."""
TRENDS = "telex:trends"
"""The custom id of the button under a digest that shows what is rising."""
QUESTION = "telex:question"
"""The custom id of the button under a digest that opens a window for a question."""

PERSONAL = "telex:my-digest"
"""The custom id of the button under a person's own digest that opens its settings."""


def personal() -> discord.ui.Button[Any]:
    """A button that opens the settings of a person's own digest, in the language of this task."""
    label = safe.plain(_("Change, pause or stop…"), LABEL)
    return discord.ui.Button(style=discord.ButtonStyle.secondary, label=label, custom_id=PERSONAL)


def trends() -> discord.ui.Button[Any]:
    """A button that shows what is rising, in the language of this task."""
    label = safe.plain(_("Trends"), LABEL)
    return discord.ui.Button(
        style=discord.ButtonStyle.secondary, label=label, emoji=icons.emoji(Icon.TREND), custom_id=TRENDS
    )


def question() -> discord.ui.Button[Any]:
    """A button that opens a window for a question, in the language of this task."""
    label = safe.plain(_("Ask"), LABEL)
    return discord.ui.Button(
        style=discord.ButtonStyle.secondary, label=label, emoji=icons.emoji(Icon.ASK), custom_id=QUESTION
    )


def share(key: str) -> discord.ui.Button[Any]:
    """A button that shares the article of this key with the channel, in the language of this task."""
    label = safe.plain(_("Share here"), LABEL)
    return discord.ui.Button(
        style=discord.ButtonStyle.secondary,
        label=label,
        emoji=icons.emoji(Icon.SHARE),
        custom_id=f"telex:share:{key}",
    )


def note(key: str) -> discord.ui.Button[Any]:
    """A button that opens the note and tags of the bookmark of this key, in the language of this task."""
    label = safe.plain(_("Note and tags"), LABEL)
    return discord.ui.Button(
        style=discord.ButtonStyle.secondary,
        label=label,
        emoji=icons.emoji(Icon.NOTE),
        custom_id=f"telex:note:{key}",
    )


def mark(key: str, *, read: bool) -> discord.ui.Button[Any]:
    """A button that marks the bookmark of this key as read or unread, in the language of this task."""
    label = safe.plain(_("Mark as read") if read else _("Mark as unread"), LABEL)
    custom_id = f"telex:mark:{'read' if read else 'unread'}:{key}"
    return discord.ui.Button(style=discord.ButtonStyle.secondary, label=label, custom_id=custom_id)
