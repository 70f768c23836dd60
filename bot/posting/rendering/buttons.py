"""The buttons and menus under posts. Their ids say all there is to know, so that they outlive a restart.

The same ids let the courier recognise a message of its own. What happens at a click is up to the cogs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import discord

from bot.core.i18n import N_, _, format_number
from bot.core.models import Article
from bot.feeds import known_sites
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon
from bot.text import discord_text, urls

BOOKMARK_EMOJI = "🔖"

_ARTICLE_KEY_GROUP = r"(?P<key>[^:\s]{1,80})"  # of an article
_JOINED_KEYS_GROUP = r"(?::(?P<joined>\S+))?"  # the short keys of articles that joined its post
_DISPATCH_KEY_GROUP = r"(?P<what>\S{1,80})"  # of a dispatch
_QUESTION_ID_GROUP = r"(?P<question>\d{1,19})"

# Custom ids, as patterns.
SAVE_TEMPLATE = rf"telex:save:{_ARTICLE_KEY_GROUP}{_JOINED_KEYS_GROUP}"
MORE_TEMPLATE = rf"telex:more:{_ARTICLE_KEY_GROUP}{_JOINED_KEYS_GROUP}"
SAVE_MENU_TEMPLATE = rf"telex:pick:{_DISPATCH_KEY_GROUP}"
VOTE_TEMPLATE = rf"telex:vote:(?P<vote>up|down):{_QUESTION_ID_GROUP}"
NEXT_TEMPLATE = rf"telex:next:{_QUESTION_ID_GROUP}:(?P<number>\d)"
MARK_TEMPLATE = rf"telex:mark:(?P<how>read|unread):{_ARTICLE_KEY_GROUP}"

_MAX_BUTTON_URL_LENGTH = 512  # https://discord.com/developers/docs/components/reference#button


MAX_JOINED_PER_BUTTON = 8
"""Articles that joined a post, of which one button says which they are: an id has 100 characters."""
SHORT_KEY_LENGTH = 8
"""Hexadecimal digits of a key that tell it from others."""


def save_id(key: str, joined: Sequence[Article] = ()) -> str:
    """The custom id of the Save button of an article's key."""
    return _with_joined(f"telex:save:{key}", joined[:MAX_JOINED_PER_BUTTON])


def _with_joined(name: str, joined: Sequence[Article]) -> str:
    short = "".join(one.key[:SHORT_KEY_LENGTH] for one in joined)
    return f"{name}:{short}" if short else name


def save_menu_id(dedupe_key: str) -> str:
    """The custom id of the menu of a catch-up's dispatch."""
    return f"telex:pick:{dedupe_key}"


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
    shown = discord_text.to_plain_line(label, discord_limits.BUTTON_LABEL_LENGTH) or None
    return discord.ui.Button(style=style, label=shown, emoji=emoji, custom_id=custom_id)


class ButtonTemplate(NamedTuple):
    """A button by what stands in its custom id, its label and its icon; called, it makes one."""

    name: str
    parameter_patterns: tuple[str, ...]
    """Patterns of what it is about."""
    label: str
    icon: Icon | None = None
    style: discord.ButtonStyle = discord.ButtonStyle.secondary

    @property
    def id_pattern(self) -> str:
        """The pattern of its custom id."""
        return ":".join(("telex", self.name, *self.parameter_patterns))

    def custom_id(self, *values: object) -> str:
        """The custom id of one about these."""
        return ":".join(("telex", self.name, *map(str, values)))

    def __call__(self, *values: object) -> discord.ui.Button[Any]:
        """One about these, in the language of this task."""
        emoji = None if self.icon is None else icons.emoji(self.icon)
        return button(_(self.label), self.custom_id(*values), emoji, self.style)


begin = ButtonTemplate("begin", (), N_("Get started"), style=discord.ButtonStyle.success)
stop = ButtonTemplate("stop", (r"(?P<what>watch:(?P<watch>\d{1,18}):[^:\s]{1,60})",), N_("Stop this watch"))
tell_me = ButtonTemplate(
    "tell", (_QUESTION_ID_GROUP,), N_("Tell me when there’s news on this"), style=discord.ButtonStyle.primary
)
more_like = ButtonTemplate("like", (_ARTICLE_KEY_GROUP,), N_("More like this"), Icon.SEARCH)
show_all = ButtonTemplate("all", (_DISPATCH_KEY_GROUP,), N_("Show all"), Icon.LIST)
personal = ButtonTemplate("my-digest", (), N_("Change, pause or stop…"))
trends = ButtonTemplate("trends", (), N_("Trends"), Icon.TREND)
question = ButtonTemplate("question", (), N_("Ask"), Icon.ASK)
results = ButtonTemplate("results", (r"(?P<query>(?s:.+))",), N_("Show all"), Icon.LIST)
share = ButtonTemplate("share", (_ARTICLE_KEY_GROUP,), N_("Share here"), Icon.SHARE)
note = ButtonTemplate("note", (_ARTICLE_KEY_GROUP,), N_("Note and tags"), Icon.NOTE)


def search(query: str, label: str = "") -> discord.ui.Button[Any] | None:
    """Make a button that shows all results of a query, or None where the query is too long for its id.

    Without a `label` it says "Show all", in the language of this task.
    """
    if discord_text.utf16_length(results.custom_id(query)) > discord_limits.CUSTOM_ID:
        return None
    return button(label, results.custom_id(query)) if label else results(query)


def save_button(
    key: str, number: int | None = None, *, joined: Sequence[Article] = (), labelled: bool = True
) -> discord.ui.Button[Any]:
    """A Save button for the article of this key, in the language of this task; several have numbers.

    Under a post it says which articles `joined` it.
    """
    label = _("Save") if number is None else f"[{number}]"
    return button(label if labelled else "", save_id(key, joined), icons.emoji(Icon.SAVE))


def more_button(key: str, *, joined: Sequence[Article] = (), labelled: bool = True) -> discord.ui.Button[Any]:
    """A button that shows what else can be done with an article, in the language of this task.

    Under a post it says of which articles that `joined` it Save does not.
    """
    emoji = icons.emoji(Icon.MORE)
    label = _("More") if labelled else "" if emoji else "⋯"
    return button(
        label,
        _with_joined(f"telex:more:{key}", joined[MAX_JOINED_PER_BUTTON : 2 * MAX_JOINED_PER_BUTTON]),
        emoji,
    )


def remove_bookmark_button(key: str) -> discord.ui.Button[Any]:
    """The same button on what who reads it has kept, where they alone read it: it says what it does then."""
    return button(_("Remove from bookmarks"), save_id(key), icons.emoji(Icon.SAVE))


def vote_button(question_id: int, *, helped: bool) -> discord.ui.Button[Any]:
    """👍 or 👎 for the answer to a question."""
    return button("", vote_id(question_id, helped=helped), "👍" if helped else "👎")


def missed_answer_button(question_id: int) -> discord.ui.Button[Any]:
    """The same under "I don't know", where there is only this to say, in the language of this task."""
    return button(_("An article does answer this"), vote_id(question_id, helped=False), "👎")


def follow_up_button(question_id: int, number: int, topic: str) -> discord.ui.Button[Any]:
    """A button that asks what is new with a topic, in the language of this task."""
    label = _("What’s new with {topic}?").format(topic=discord_text.to_plain_line(topic))
    return button(label, f"telex:next:{question_id}:{number}", icons.emoji(Icon.ASK))


def save_menu(
    what: str, articles: Sequence[Article], *, placeholder: str | None = None
) -> discord.ui.Select[Any]:
    """A menu that bookmarks some of these articles, in the language of this task: the newest that fit."""
    options = [
        discord.SelectOption(
            label=discord_text.to_plain_line(article.title, discord_limits.OPTION_LABEL_LENGTH)
            or discord_text.to_plain_line(article.url, discord_limits.OPTION_LABEL_LENGTH),
            description=discord_text.to_plain_line(article.outlet, discord_limits.OPTION_LABEL_LENGTH)
            or None,
            value=article.key,
        )
        for article in reversed(articles[-discord_limits.MAX_OPTIONS :])
    ]
    return discord.ui.Select(
        custom_id=save_menu_id(what),
        placeholder=discord_text.to_plain_line(
            placeholder or _("Save articles…"), discord_limits.OPTION_LABEL_LENGTH
        ),
        max_values=len(options),
        options=options,
    )


def mark_read_button(key: str, *, read: bool) -> discord.ui.Button[Any]:
    """A button that marks the bookmark of this key as read or unread, in the language of this task."""
    how = "read" if read else "unread"
    return button(_("Mark as read") if read else _("Mark as unread"), f"telex:mark:{how}:{key}")


def open_link_button(url: str) -> discord.ui.Button[Any] | None:
    """A button that opens an article, in the language of this task; None where Discord takes no such link."""
    if not is_link(url) or discord_text.utf16_length(url) > _MAX_BUTTON_URL_LENGTH:
        return None
    return discord.ui.Button(style=discord.ButtonStyle.link, label=_("Read"), url=url)


def open_buttons(article: Article) -> tuple[discord.ui.Button[Any] | None, ...]:
    """Buttons that open an article, or a video, and, where it is an episode of a podcast, its player."""
    if article.audio is None:
        opening = open_link_button(article.url)
        if opening is not None and known_sites.is_video(article.url):
            opening.emoji, opening.label = "▶️", _("Watch video")
        return (opening,)
    listen = open_link_button(article.audio)
    if listen is not None:
        listen.emoji, listen.label = "🎧", _("Listen")
        if article.duration is not None:
            minutes = format_number(max(1, round(article.duration / 60)))
            listen.label = _("Listen · {minutes} min").format(minutes=minutes)
    return (
        None if urls.canonicalize(article.audio) == article.url else open_link_button(article.url),
        listen,
    )


def is_link(url: str) -> bool:
    """Whether an address is one of the web that Discord lets a reader open."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and not any(c.isspace() or c < " " for c in url)


def view_of_items(*items: discord.ui.Item[Any] | None) -> discord.ui.View:
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
