"""The buttons of cards and digests that people read. They outlive a restart, as those of `buttons`."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.locale import _
from bot.posting.rendering.buttons import button
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon

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
    return button(_("Change, pause or stop…"), PERSONAL)


def trends() -> discord.ui.Button[Any]:
    """A button that shows what is rising, in the language of this task."""
    return button(_("Trends"), TRENDS, icons.emoji(Icon.TREND))


def question() -> discord.ui.Button[Any]:
    """A button that opens a window for a question, in the language of this task."""
    return button(_("Ask"), QUESTION, icons.emoji(Icon.ASK))


def share(key: str) -> discord.ui.Button[Any]:
    """A button that shares the article of this key with the channel, in the language of this task."""
    return button(_("Share here"), f"telex:share:{key}", icons.emoji(Icon.SHARE))


def note(key: str) -> discord.ui.Button[Any]:
    """A button that opens the note and tags of the bookmark of this key, in the language of this task."""
    return button(_("Note and tags"), f"telex:note:{key}", icons.emoji(Icon.NOTE))


def mark(key: str, *, read: bool) -> discord.ui.Button[Any]:
    """A button that marks the bookmark of this key as read or unread, in the language of this task."""
    how = "read" if read else "unread"
    return button(_("Mark as read") if read else _("Mark as unread"), f"telex:mark:{how}:{key}")
