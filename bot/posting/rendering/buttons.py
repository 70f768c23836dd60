"""The buttons and menus under posts. Their ids say all there is to know, so that they outlive a restart.

The same ids let the courier recognise a message of its own. What happens at a click is up to the cogs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import discord

from bot.core.locale import _, amount
from bot.core.models import Article
from bot.feeds import known_sites
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon
from bot.text import safe, urls

EMOJI = "🔖"
SAVE_TEMPLATE = r"telex:save:(?P<key>[^:\s]{1,80})(?::(?P<joined>\S+))?"
"""The custom id of a Save button, with the article's key and the short ones of those that joined its post."""
MORE_TEMPLATE = r"telex:more:(?P<key>[^:\s]{1,80})(?::(?P<joined>\S+))?"
"""That of the button that shows what else can be done, likewise with those for which Save has no room."""
LIKE_TEMPLATE = r"telex:like:(?P<key>[^:\s]{1,80})"
"""The custom id of a button that looks for more like an article, with the article's key."""
PICK_TEMPLATE = r"telex:pick:(?P<what>\S{1,80})"
"""The custom id of the menu under a catch-up, or under a post that others joined, with its dispatch's `what`.

Its values are keys of articles.
"""
ALL_TEMPLATE = r"telex:all:(?P<what>\S{1,80})"
"""The custom id of the button that shows all articles of a catch-up, with its dispatch's `what`."""
VOTE_TEMPLATE = r"telex:vote:(?P<vote>up|down):(?P<question>\d{1,19})"
"""The custom id of a button that judges an answer, with the id of the question."""

NEXT_TEMPLATE = r"telex:next:(?P<question>\d{1,19}):(?P<number>\d)"
"""The custom id of a button that asks what its label says, after the question of this id."""
TELL_TEMPLATE = r"telex:tell:(?P<question>\d{1,19})"
"""The custom id of a button that watches for what the question of this id asks."""
STOP_TEMPLATE = r"telex:stop:(?P<what>watch:(?P<watch>\d{1,18}):[^:\s]{1,60})"
"""The custom id of the button that ends the watch of a notice, with its dispatch's `what`."""

BEGIN = "telex:begin"
"""The custom id of the button under the welcome that begins the way to a first feed."""

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

_LONGEST_URL = 512  # https://discord.com/developers/docs/components/reference#button


MOST_JOINED = 8
"""Articles that joined a post, of which one button says which they are: an id has 100 characters."""
SHORT = 8
"""Hexadecimal digits of a key that tell it from others."""


def save_id(key: str, joined: Sequence[Article] = ()) -> str:
    """The custom id of the Save button of an article's key."""
    return _with_joined(f"telex:save:{key}", joined[:MOST_JOINED])


def _with_joined(name: str, joined: Sequence[Article]) -> str:
    short = "".join(one.key[:SHORT] for one in joined)
    return f"{name}:{short}" if short else name


def pick_id(what: str) -> str:
    """The custom id of the menu of a catch-up's dispatch."""
    return f"telex:pick:{what}"


def vote_id(question_id: int, *, helped: bool) -> str:
    """The custom id of the button that says whether the answer to a question helped."""
    return f"telex:vote:{'up' if helped else 'down'}:{question_id}"


def stop_id(what: str) -> str:
    """The custom id of the button under the notice of a watch."""
    return f"telex:stop:{what}"


def button(
    label: str,
    custom_id: str,
    emoji: str | None = None,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> discord.ui.Button[Any]:
    """A button with as much of a label as Discord takes."""
    shown = safe.plain(label, discord_limits.LABEL) or None
    return discord.ui.Button(style=style, label=shown, emoji=emoji, custom_id=custom_id)


def begin() -> discord.ui.Button[Any]:
    """A button that begins the way to a first feed, in the language of this task."""
    return button(_("Get started"), BEGIN, style=discord.ButtonStyle.success)


def stop(what: str) -> discord.ui.Button[Any]:
    """A button that ends the watch of this dispatch, in the language of this task."""
    return button(_("Stop this watch"), stop_id(what))


def save(
    key: str, number: int | None = None, *, joined: Sequence[Article] = (), labelled: bool = True
) -> discord.ui.Button[Any]:
    """A Save button for the article of this key, in the language of this task; several have numbers.

    Under a post it says which articles `joined` it.
    """
    label = _("Save") if number is None else f"[{number}]"
    return button(label if labelled else "", save_id(key, joined), icons.emoji(Icon.SAVE))


def more(key: str, *, joined: Sequence[Article] = (), labelled: bool = True) -> discord.ui.Button[Any]:
    """A button that shows what else can be done with an article, in the language of this task.

    Under a post it says of which articles that `joined` it Save does not.
    """
    emoji = icons.emoji(Icon.MORE)
    label = _("More") if labelled else "" if emoji else "⋯"
    return button(label, _with_joined(f"telex:more:{key}", joined[MOST_JOINED : 2 * MOST_JOINED]), emoji)


def let_go(key: str) -> discord.ui.Button[Any]:
    """The same button on what who reads it has kept, where they alone read it: it says what it does then."""
    return button(_("Remove from bookmarks"), save_id(key), icons.emoji(Icon.SAVE))


def vote(question_id: int, *, helped: bool) -> discord.ui.Button[Any]:
    """👍 or 👎 for the answer to a question."""
    return button("", vote_id(question_id, helped=helped), "👍" if helped else "👎")


def missed(question_id: int) -> discord.ui.Button[Any]:
    """The same under "I don't know", where there is only this to say, in the language of this task."""
    return button(_("The answer is in there"), vote_id(question_id, helped=False), "👎")


def ask_next(question_id: int, number: int, topic: str) -> discord.ui.Button[Any]:
    """A button that asks what is new with a topic, in the language of this task."""
    label = _("What’s new with {topic}?").format(topic=safe.plain(topic))
    return button(label, f"telex:next:{question_id}:{number}", icons.emoji(Icon.ASK))


def tell_me(question_id: int) -> discord.ui.Button[Any]:
    """A button that watches for what is asked, in the language of this task."""
    label = _("Tell me when there’s news on this")
    return button(label, f"telex:tell:{question_id}", style=discord.ButtonStyle.primary)


def more_like(key: str) -> discord.ui.Button[Any]:
    """A button that looks for more like the article of this key, in the language of this task."""
    return button(_("More like this"), f"telex:like:{key}", icons.emoji(Icon.SEARCH))


def pick(what: str, articles: Sequence[Article], *, placeholder: str | None = None) -> discord.ui.Select[Any]:
    """A menu that bookmarks some of these articles, in the language of this task: the newest that fit."""
    options = [
        discord.SelectOption(
            label=safe.plain(article.title, discord_limits.OPTION)
            or safe.plain(article.url, discord_limits.OPTION),
            description=safe.plain(article.outlet, discord_limits.OPTION) or None,
            value=article.key,
        )
        for article in reversed(articles[-discord_limits.OPTIONS :])
    ]
    return discord.ui.Select(
        custom_id=pick_id(what),
        placeholder=safe.plain(placeholder or _("Save articles…"), discord_limits.OPTION),
        max_values=len(options),
        options=options,
    )


def show_all(what: str) -> discord.ui.Button[Any]:
    """A button that shows all articles of a catch-up, in the language of this task."""
    return button(_("Show all"), f"telex:all:{what}", icons.emoji(Icon.LIST))


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


def read(url: str) -> discord.ui.Button[Any] | None:
    """A button that opens an article, in the language of this task; None where Discord takes no such link."""
    if not is_link(url) or safe.length(url) > _LONGEST_URL:
        return None
    return discord.ui.Button(style=discord.ButtonStyle.link, label=_("Read"), url=url)


def leading(article: Article) -> tuple[discord.ui.Button[Any] | None, ...]:
    """Buttons that open an article, or a video, and, where it is an episode of a podcast, its player."""
    if article.audio is None:
        opening = read(article.url)
        if opening is not None and known_sites.is_video(article.url):
            opening.emoji, opening.label = "▶️", _("Watch video")
        return (opening,)
    listen = read(article.audio)
    if listen is not None:
        listen.emoji, listen.label = "🎧", _("Listen")
        if article.duration is not None:
            minutes = amount(max(1, round(article.duration / 60)))
            listen.label = _("Listen · {minutes} min").format(minutes=minutes)
    return (None if urls.canonical(article.audio) == article.url else read(article.url), listen)


def is_link(url: str) -> bool:
    """Whether an address is one of the web that Discord lets a reader open."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and not any(c.isspace() or c < " " for c in url)


def row(*items: discord.ui.Item[Any] | None) -> discord.ui.View:
    """A view of these items for a message; to be called within an event loop.

    A view that ended is not kept by discord.py, which would otherwise hold one for every post: clicks find
    their cog by the id.
    """
    view = discord.ui.View(timeout=None)
    for item in items:
        if item is not None:
            view.add_item(item)
    view.stop()
    return view
