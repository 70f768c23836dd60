"""Command /help: first steps with buttons, then all commands by topic."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot import DATA
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.posting.rendering.layout.blocks import ActionRow, Block, Image, Section, Separator, Text, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.messages import Picture
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from bot.text.words import fold
from cogs.shared.authorization import can_use_manager_command
from cogs.shared.modals import TextField, modal_button
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, StringMenu, menu_option

SlashCommand = app_commands.Command[Any, ..., Any]
AnyCommand = SlashCommand | app_commands.Group | app_commands.ContextMenu

_LOGO_FILENAME = "telex.png"
_MAX_INPUT_LENGTH = 200
"""Maximum length in characters of the text in a modal that asks for the input of a command."""


class HelpTopic(StrEnum):
    """Topic of /help: a group of commands, or the search syntax."""

    READING = "reading"
    WATCHING = "watching"
    FEEDS = "feeds"
    SETTINGS = "settings"
    ABOUT = "about"
    SYNTAX = "syntax"


_TOPIC_BY_COMMAND_NAME = {
    "watch": HelpTopic.WATCHING,
    "digest": HelpTopic.WATCHING,
    "feed": HelpTopic.FEEDS,
    "setup": HelpTopic.FEEDS,
    "settings": HelpTopic.SETTINGS,
    "help": HelpTopic.ABOUT,
    "about": HelpTopic.ABOUT,
    "privacy": HelpTopic.ABOUT,
}
"""Topics by name of a command or command group; any other command belongs to `HelpTopic.READING`."""


class FirstStep(NamedTuple):
    """First step for new users: a command and how the step is presented.

    `command_path` are the names of the command's groups, if any, and of the command. `option_name` is that of
    the command's option that takes the input, or "" for a command without input.
    """

    command_path: tuple[str, ...]
    icon: Icon
    title: str
    description: str
    input_label: str = ""
    option_name: str = ""


class HelpCog(TelexCog):
    """Cog of the /help command."""

    @app_commands.command(name="help", description=locale_str("What you can do here"))
    async def help(self, interaction: Interaction) -> None:
        is_manager = await can_use_manager_command(interaction, "feed")
        needs_setup = is_manager and not await self.bot.load_visible_feed_ids(interaction)
        await HelpPages(interaction, can_manage=is_manager, needs_setup=needs_setup).render(interaction)


class HelpPages(OwnedView):
    """Pages of /help: first steps, and a page for each topic.

    `needs_setup` means that the user manages feeds and can see none in the server yet.
    """

    def __init__(self, interaction: Interaction, *, can_manage: bool, needs_setup: bool) -> None:
        super().__init__(interaction)
        self._needs_setup, self._can_manage = needs_setup, can_manage
        self._commands_by_topic: dict[HelpTopic, list[AnyCommand]] = {}
        for command in self.client.tree.get_commands():
            if is_usable(command, interaction) and (can_manage or "managers" not in command.extras):
                self._commands_by_topic.setdefault(
                    _TOPIC_BY_COMMAND_NAME.get(command.name, HelpTopic.READING), []
                ).append(command)

    async def render(self, interaction: Interaction) -> None:
        guild = interaction.guild
        intro_text = (
            _("I post news in your channels and answer questions about it. Start with one of these:")
            if guild is not None
            else _("Here, I keep your bookmarks and alert you to new articles. In a server, I can do more.")
        )
        available_steps = [
            first_step
            for first_step in _iter_first_steps(guild is not None, needs_setup=self._needs_setup)
            if any(
                command.name == first_step.command_path[0]
                for topic_commands in self._commands_by_topic.values()
                for command in topic_commands
            )
        ]
        step_sections = [
            Section(
                (_format_step(step),),
                self._build_try_button(step),
            )
            for step in available_steps
        ]
        invitation_url = discord.utils.oauth_url(self.client.application_id or 0, permissions=INVITE_PERMISSIONS)
        settings = self.client.services.settings
        links = (
            (_("Add to a server"), invitation_url),
            (_("Privacy policy"), settings.privacy_url),
            (_("Terms of service"), settings.terms_url),
            (_("Get help"), settings.support_url),
        )
        blocks: tuple[Block, ...] = (
            Section((text_block(f"## Telex\n{intro_text}"),), Image(f"attachment://{_LOGO_FILENAME}", "Telex")),
            Separator(),
            *step_sections,
            Separator(),
            ActionRow(self._build_topic_menu()),
            ActionRow(*(discord.ui.Button(label=label, url=url) for label, url in links if url is not None)),
        )
        logo = Picture((DATA / "identity" / _LOGO_FILENAME).read_bytes(), _LOGO_FILENAME, "Telex")
        await self.display_card(interaction, *blocks, pictures=(logo,))

    def _build_try_button(self, step: FirstStep) -> ActionButton:
        async def run_step_command(interaction: Interaction, **options: str) -> None:
            command: Any = self.client.tree
            for command_name in step.command_path:
                command = command.get_command(command_name)
            await command.callback(command.binding, interaction, **options)

        async def run_step_with_text(interaction: Interaction, text: str) -> None:
            await run_step_command(interaction, **{step.option_name: text})

        label = _("Try")
        if not step.option_name:
            return ActionButton(run_step_command, AckMode.EPHEMERAL_MESSAGE, label=label)
        text_field = TextField("line", step.input_label, max_length=_MAX_INPUT_LENGTH)
        return modal_button(
            self, run_step_with_text, label, text_field, title=step.title, ack_mode=AckMode.EPHEMERAL_MESSAGE
        )

    def _build_topic_menu(self, selected_topic: HelpTopic | None = None) -> StringMenu:
        topics = [topic for topic in HelpTopic if topic in self._commands_by_topic]
        if self.interaction.guild is not None:
            topics.append(HelpTopic.SYNTAX)
        topic_options = [
            menu_option(_get_topic_title(topic), topic, is_default=topic is selected_topic) for topic in topics
        ]
        return StringMenu(self._open_topic, placeholder=_("All commands, by topic…"), options=topic_options)

    async def _open_topic(self, interaction: Interaction, selected_values: list[str]) -> None:
        topic = HelpTopic(selected_values[0])
        topic_text = search_syntax_text() if topic is HelpTopic.SYNTAX else "\n".join(self._format_command_lines(topic))
        blocks = (
            text_block(f"### {_get_topic_title(topic)}\n{topic_text}"),
            ActionRow(self._build_topic_menu(topic)),
            ActionRow(ActionButton(self.render, label=_("Back"), emoji=emoji_for(Icon.BACK))),
        )
        await self.display_card(interaction, *blocks)

    def _format_command_lines(self, topic: HelpTopic) -> Iterator[str]:
        """Yield a line for each command of a topic, by name; message menu entries come last."""
        leaf_commands = (
            slash_command
            for command in self._commands_by_topic[topic]
            for slash_command in _iter_slash_commands(command)
        )
        slash_commands = [
            leaf_command for leaf_command in leaf_commands if self._can_manage or "managers" not in leaf_command.extras
        ]
        yield from sorted(map(_format_command_line, slash_commands), key=lambda line: fold(line.lstrip("`<")))
        for command in self._commands_by_topic[topic]:
            if isinstance(command, app_commands.ContextMenu):
                description: str = command.extras["does"].message
                yield _("Right-click a message › Apps › **{name}**: {does}.").format(
                    name=_(command.name), does=_(description)
                )


def _iter_first_steps(is_in_server: bool, *, needs_setup: bool) -> Iterator[FirstStep]:  # noqa: FBT001
    if not is_in_server:
        yield FirstStep(("bookmarks",), Icon.SAVE, _("Your bookmarks"), _("read, search and export them"))
        yield FirstStep(("watch", "list"), Icon.WATCH, _("Your watches"), _("see and remove them"))
        yield FirstStep(("privacy",), Icon.MORE, _("Your data"), _("see, export or delete it"))
        return
    if needs_setup:
        yield FirstStep(("setup",), Icon.ADD, _("Follow your first feeds"), _("in three clicks"))
    yield FirstStep(
        ("search",),
        Icon.SEARCH,
        _("Find an article"),
        _("by words, source, tag or date"),
        _("What are you looking for?"),
        "query",
    )
    yield FirstStep(
        ("ask",),
        Icon.ASK,
        _("Ask about the news"),
        _("answers quoted from the articles"),
        _("Your question"),
        "question",
    )
    yield FirstStep(("latest",), Icon.FEED, _("Read the latest"), _("from every channel you can see"))
    if not needs_setup:
        yield FirstStep(("trends",), Icon.TREND, _("See what’s rising"), _("the week in one chart"))
    yield FirstStep(
        ("watch", "add"),
        Icon.WATCH,
        _("Get alerts"),
        _("when a new article matches"),
        _("What should I look for?"),
        "query",
    )


def _format_step(step: FirstStep) -> Text:
    command_markup = _format_command_markup("/" + " ".join(step.command_path))
    return text_block(f"{emoji_for(step.icon) or ''} **{step.title}**\n-# {command_markup} {step.description}".strip())


def _get_topic_title(topic: HelpTopic) -> str:
    return {
        HelpTopic.READING: _("Read and search"),
        HelpTopic.WATCHING: _("Watches and digests"),
        HelpTopic.FEEDS: _("Manage feeds"),
        HelpTopic.SETTINGS: _("Settings"),
        HelpTopic.ABOUT: _("About Telex"),
        HelpTopic.SYNTAX: _("How to search"),
    }[topic]


def search_syntax_text() -> str:
    """Return a text that explains the search syntax by examples, in the current language."""
    lines = (
        _("Word endings, accents and capitals don’t matter."),
        _('`"exact words"` word for word · `-word` without this word · `one OR other` either one'),
        _("`title:word` `source:name` `author:name` `tag:name` `lang:fr`"),
        _('`since:7d` `since:"last monday"` `before:2020-06-10` `has:image` `is:bookmarked`'),
        linkify_commands(
            _(
                "As you type, /search suggests words, sources, tags and authors. Its options do the same. "
                "French filter names work too."
            )
        ),
    )
    return "\n".join(lines)


def is_usable(command: AnyCommand, interaction: Interaction) -> bool:
    """Return whether the user can see a command.

    In a server this depends on the command's default permissions, in direct messages on whether it may be used there.
    """
    if interaction.guild is None:
        contexts = command.allowed_contexts
        return contexts is None or contexts.dm_channel is not False
    required_permissions = command.default_permissions
    return (
        required_permissions is None
        or interaction.permissions.administrator
        or interaction.permissions >= required_permissions
    )


def _iter_slash_commands(command: AnyCommand) -> Iterator[SlashCommand]:
    if isinstance(command, app_commands.Group):
        yield from (
            subcommand for subcommand in command.walk_commands() if not isinstance(subcommand, app_commands.Group)
        )
    elif not isinstance(command, app_commands.ContextMenu):
        yield command


def _format_command_markup(english_path: str) -> str:
    """Return a command as a clickable mention or, if the id of the command is unknown, as code."""
    localized_path = i18n.localized_command(english_path)
    linked_path = linkify_commands(localized_path)
    return f"`{localized_path}`" if linked_path == localized_path else linked_path


def _format_command_line(command: SlashCommand) -> str:
    return f"{_format_command_markup(f'/{command.qualified_name}')} {_(command.description)}"
