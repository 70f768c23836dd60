"""The buttons and menus under posts. Their ids say all there is to know, so that they outlive a restart.

The same ids let the courier recognise a message of its own. What happens at a click is up to the cogs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import discord

from bot.core.locale import N_, _, amount
from bot.core.models import Article
from bot.feeds import known_sites
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon
from bot.text import safe, urls

EMOJI = "🔖"

_KEY = r"(?P<key>[^:\s]{1,80})"  # of an article
_JOINED = r"(?::(?P<joined>\S+))?"  # the short keys of articles that joined its post
_WHAT = r"(?P<what>\S{1,80})"  # of a dispatch
_QUESTION = r"(?P<question>\d{1,19})"

# Custom ids, as patterns.
SAVE_TEMPLATE = rf"telex:save:{_KEY}{_JOINED}"
MORE_TEMPLATE = rf"telex:more:{_KEY}{_JOINED}"
PICK_TEMPLATE = rf"telex:pick:{_WHAT}"
VOTE_TEMPLATE = rf"telex:vote:(?P<vote>up|down):{_QUESTION}"
NEXT_TEMPLATE = rf"telex:next:{_QUESTION}:(?P<number>\d)"
MARK_TEMPLATE = rf"telex:mark:(?P<how>read|unread):{_KEY}"

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


def button(
    label: str,
    custom_id: str,
    emoji: str | None = None,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> discord.ui.Button[Any]:
    """A button with as much of a label as Discord takes."""
    shown = safe.plain(label, discord_limits.LABEL) or None
    return discord.ui.Button(style=style, label=shown, emoji=emoji, custom_id=custom_id)


class Kind(NamedTuple):
    """A button by what stands in its custom id, its label and its icon; called, it makes one."""

    name: str
    gaps: tuple[str, ...]
    """Patterns of what it is about."""
    label: str
    icon: Icon | None = None
    style: discord.ButtonStyle = discord.ButtonStyle.secondary

    @property
    def template(self) -> str:
        """The pattern of its custom id."""
        return ":".join(("telex", self.name, *self.gaps))

    def id(self, *values: object) -> str:
        """The custom id of one about these."""
        return ":".join(("telex", self.name, *map(str, values)))

    def __call__(self, *values: object) -> discord.ui.Button[Any]:
        """One about these, in the language of this task."""
        emoji = None if self.icon is None else icons.emoji(self.icon)
        return button(_(self.label), self.id(*values), emoji, self.style)


begin = Kind("begin", (), N_("Get started"), style=discord.ButtonStyle.success)
stop = Kind("stop", (r"(?P<what>watch:(?P<watch>\d{1,18}):[^:\s]{1,60})",), N_("Stop this watch"))
tell_me = Kind(
    "tell", (_QUESTION,), N_("Tell me when there’s news on this"), style=discord.ButtonStyle.primary
)
more_like = Kind("like", (_KEY,), N_("More like this"), Icon.SEARCH)
show_all = Kind("all", (_WHAT,), N_("Show all"), Icon.LIST)
personal = Kind("my-digest", (), N_("Change, pause or stop…"))
trends = Kind("trends", (), N_("Trends"), Icon.TREND)
question = Kind("question", (), N_("Ask"), Icon.ASK)
results = Kind("results", (r"(?P<query>(?s:.+))",), N_("Show all"), Icon.LIST)
share = Kind("share", (_KEY,), N_("Share here"), Icon.SHARE)
note = Kind("note", (_KEY,), N_("Note and tags"), Icon.NOTE)


def search(query: str, label: str = "") -> discord.ui.Button[Any] | None:
    """Make a button that shows all results of a query, or None where the query is too long for its id.

    Without a `label` it says "Show all", in the language of this task.
    """
    if safe.length(results.id(query)) > discord_limits.CUSTOM_ID:
        return None
    return button(label, results.id(query)) if label else results(query)


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
    return button(_("An article does answer this"), vote_id(question_id, helped=False), "👎")


def ask_next(question_id: int, number: int, topic: str) -> discord.ui.Button[Any]:
    """A button that asks what is new with a topic, in the language of this task."""
    label = _("What’s new with {topic}?").format(topic=safe.plain(topic))
    return button(label, f"telex:next:{question_id}:{number}", icons.emoji(Icon.ASK))


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
