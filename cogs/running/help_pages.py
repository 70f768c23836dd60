"""/help: five things to begin with, each with a button that does it, then all commands by topic."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot import DATA
from bot.core import locale
from bot.core.locale import _, clickable
from bot.posting.rendering.layout.blocks import Block, Image, Row, Rule, Section, Text, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.rendering.messages import Picture
from bot.posting.sending.permissions import INVITATION
from bot.text.words import fold
from cogs.shared.lasting_items import TelexCog
from cogs.shared.rights import may_manage_with
from cogs.shared.views import AskerLayout, Choose, Interaction, Press, Reply, option
from cogs.shared.windows import Line, asking

Slash = app_commands.Command[Any, ..., Any]
Command = Slash | app_commands.Group | app_commands.ContextMenu

_LOGO = "telex.png"
_QUERY = 200  # characters that a window takes


class Topic(StrEnum):
    """What commands are for."""

    READING = "reading"
    WATCHING = "watching"
    FEEDS = "feeds"
    SETTINGS = "settings"
    ABOUT = "about"
    SYNTAX = "syntax"


_TOPICS = {
    "watch": Topic.WATCHING,
    "digest": Topic.WATCHING,
    "feed": Topic.FEEDS,
    "setup": Topic.FEEDS,
    "settings": Topic.SETTINGS,
    "help": Topic.ABOUT,
    "about": Topic.ABOUT,
    "privacy": Topic.ABOUT,
}
"""Of commands and groups by their names; what is not here is for reading."""


class Starter(NamedTuple):
    """Something to begin with: a command by its path, what it does, how, and what it asks for, if anything.

    `option` is the option of the command that takes the answer.
    """

    path: tuple[str, ...]
    icon: Icon
    what: str
    how: str
    asks: str = ""
    option: str = ""


class Help(TelexCog):
    """What Telex can do for the asker."""

    @app_commands.command(name="help", description=locale_str("What you can do here"))
    async def help(self, interaction: Interaction) -> None:
        manages = await may_manage_with(interaction, "feed")
        begins = manages and not await self.bot.visible_feed_ids(interaction)
        await HelpPages(interaction, manages=manages, begins=begins).show(interaction)


class HelpPages(AskerLayout):
    """What to begin with, and a page for each topic. `begins`: nothing is followed yet, and the asker may."""

    def __init__(self, interaction: Interaction, *, manages: bool, begins: bool) -> None:
        super().__init__(interaction)
        self._begins, self._manages = begins, manages
        self._commands: dict[Topic, list[Command]] = {}
        for command in self.client.tree.get_commands():
            if usable(command, interaction) and (manages or "managers" not in command.extras):
                self._commands.setdefault(_TOPICS.get(command.name, Topic.READING), []).append(command)

    async def show(self, interaction: Interaction) -> None:
        asked_in = interaction.guild
        lead = (
            _("I post news in your channels and answer questions about it. Start with one of these:")
            if asked_in is not None
            else _("Here, I keep your bookmarks and alert you to new articles. In a server, I can do more.")
        )
        shown = [one for one in _starters(asked_in is not None, begins=self._begins) if self._knows(one)]
        starters = [
            Section(
                (_offered(one),),
                self._trying(one),
            )
            for one in shown
        ]
        invitation = discord.utils.oauth_url(self.client.application_id or 0, permissions=INVITATION)
        policy = self.client.newsroom.settings.privacy_url
        blocks: tuple[Block, ...] = (
            Section((text(f"## Telex\n{lead}"),), Image(f"attachment://{_LOGO}", "Telex")),
            Rule(),
            *starters,
            Rule(),
            Row(self._menu()),
            Row(
                discord.ui.Button(label=_("Add to a server"), url=invitation),
                None if policy is None else discord.ui.Button(label=_("Privacy policy"), url=policy),
            ),
        )
        logo = Picture((DATA / "identity" / _LOGO).read_bytes(), _LOGO, "Telex")
        await self.display_card(interaction, *blocks, pictures=(logo,))

    def _knows(self, starter: Starter) -> bool:
        return any(
            command.name == starter.path[0] for commands in self._commands.values() for command in commands
        )

    def _trying(self, starter: Starter) -> Press:
        async def run(interaction: Interaction, **options: str) -> None:
            command: Any = self.client.tree
            for name in starter.path:
                command = command.get_command(name)
            await command.callback(command.binding, interaction, **options)

        async def answered(interaction: Interaction, line: str) -> None:
            await run(interaction, **{starter.option: line})

        label = _("Try")
        if not starter.option:
            return Press(run, Reply.NEW, label=label)
        line = Line("line", starter.asks, max_length=_QUERY)
        return asking(self, answered, label, line, title=starter.what, reply=Reply.NEW)

    def _menu(self, chosen: Topic | None = None) -> Choose:
        topics = [topic for topic in Topic if topic in self._commands]
        if self.asked.guild is not None:
            topics.append(Topic.SYNTAX)
        options = [option(_title(topic), topic, chosen=topic is chosen) for topic in topics]
        return Choose(self._open, placeholder=_("All commands, by topic…"), options=options)

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        topic = Topic(values[0])
        lines = syntax() if topic is Topic.SYNTAX else "\n".join(self._lines(topic))
        blocks = (
            text(f"### {_title(topic)}\n{lines}"),
            Row(self._menu(topic)),
            Row(Press(self.show, label=_("Back"), emoji=emoji(Icon.BACK))),
        )
        await self.display_card(interaction, *blocks)

    def _lines(self, topic: Topic) -> Iterator[str]:
        """A line on each command of a topic, by name; those of the message menu come last."""
        leaves = (one for command in self._commands[topic] for one in _leaves(command))
        slash = [one for one in leaves if self._manages or "managers" not in one.extras]
        yield from sorted(map(_line, slash), key=lambda line: fold(line.lstrip("`<")))
        for command in self._commands[topic]:
            if isinstance(command, app_commands.ContextMenu):
                use: str = command.extras["does"].message
                yield _("Right-click a post › Apps › **{name}**: {does}.").format(
                    name=_(command.name), does=_(use)
                )


def _starters(in_server: bool, *, begins: bool) -> Iterator[Starter]:  # noqa: FBT001  # the one thing it is about
    if not in_server:
        yield Starter(("bookmarks",), Icon.SAVE, _("Your bookmarks"), _("read, search and export them"))
        yield Starter(("watch", "list"), Icon.WATCH, _("Your watches"), _("see and remove them"))
        yield Starter(("privacy",), Icon.MORE, _("Your data"), _("see, export or delete it"))
        return
    if begins:
        yield Starter(("setup",), Icon.ADD, _("Follow your first feeds"), _("in three clicks"))
    yield Starter(
        ("search",),
        Icon.SEARCH,
        _("Find an article"),
        _("by words, source, tag or date"),
        _("What are you looking for?"),
        "query",
    )
    yield Starter(
        ("ask",),
        Icon.ASK,
        _("Ask about the news"),
        _("answers quoted from the articles"),
        _("Your question"),
        "question",
    )
    yield Starter(("latest",), Icon.FEED, _("Read the latest"), _("from every channel you can see"))
    if not begins:
        yield Starter(("trends",), Icon.TREND, _("See what’s rising"), _("the week in one chart"))
    yield Starter(
        ("watch", "add"),
        Icon.WATCH,
        _("Get alerts"),
        _("when a new article matches"),
        _("What should I look for?"),
        "query",
    )


def _offered(starter: Starter) -> Text:
    name = _named("/" + " ".join(starter.path))
    return text(f"{emoji(starter.icon) or ''} **{starter.what}**\n-# {name} {starter.how}".strip())


def _title(topic: Topic) -> str:
    return {
        Topic.READING: _("Read and search"),
        Topic.WATCHING: _("Watches and digests"),
        Topic.FEEDS: _("Manage feeds"),
        Topic.SETTINGS: _("Settings"),
        Topic.ABOUT: _("About Telex"),
        Topic.SYNTAX: _("How to search"),
    }[topic]


def syntax() -> str:
    """The search syntax in the language of this task, by example."""
    lines = (
        _("Word endings, accents and capitals don’t matter."),
        _('`"exact words"` word for word · `-word` without this word · `one OR other` either one'),
        _("`title:word` `source:name` `author:name` `tag:name` `lang:fr`"),
        _('`since:7d` `since:"last monday"` `before:2020-06-10` `has:image` `is:bookmarked`'),
        clickable(
            _(
                "As you type, /search suggests words, sources, tags and authors. Its options do the same. "
                "French filter names work too."
            )
        ),
    )
    return "\n".join(lines)


def usable(command: Command, interaction: Interaction) -> bool:
    """Whether a command shows up for the asker, as far as its defaults tell."""
    if interaction.guild is None:
        contexts = command.allowed_contexts
        return contexts is None or contexts.dm_channel is not False
    needed = command.default_permissions
    return needed is None or interaction.permissions.administrator or interaction.permissions >= needed


def _leaves(command: Command) -> Iterator[Slash]:
    if isinstance(command, app_commands.Group):
        yield from (one for one in command.walk_commands() if not isinstance(one, app_commands.Group))
    elif not isinstance(command, app_commands.ContextMenu):
        yield command


def _named(english: str) -> str:
    """A command as Discord shows it, to be clicked where that works."""
    path = locale.command(english)
    mention = clickable(path)
    return f"`{path}`" if mention == path else mention


def _line(command: Slash) -> str:
    return f"{_named(f'/{command.qualified_name}')} {_(command.description)}"
