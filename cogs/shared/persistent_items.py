"""Buttons and menus that work after a restart, and the reply to clicks on expired views."""

import contextlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.command_tree import admit_interaction
from bot.client.discord_client import TelexBot
from bot.client.error_replies import error_boundary, report_error, set_reply_language
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from cogs.shared.authorization import guild_context_only, user_installable
from cogs.shared.views import CUSTOM_ID_PREFIX, AckMode, Interaction, OwnedView, acknowledge, expired_text

PersistentItem = type[discord.ui.DynamicItem[Any]]
"""Type of the class of a button or menu that works after a restart."""
MessageMenuAction = Callable[[Interaction, discord.Message], Coroutine[Any, Any, None]]
"""Type of the function that a message menu entry calls, with the message."""


def persistent_item(
    template: str, ack_mode: AckMode = AckMode.EPHEMERAL_MESSAGE
) -> Callable[[Callable[..., Awaitable[None]]], PersistentItem]:
    """Return a decorator that turns a function into a button or menu that survives restarts.

    `template` is a regular expression for the whole custom id. The function is called with the interaction,
    the item and the named groups of the template. Clicks count towards the user's rate limit.
    """

    def build_item_class(action: Callable[..., Awaitable[None]]) -> PersistentItem:
        class FunctionItem(discord.ui.DynamicItem[Any], template=template):
            def __init__(self, item: discord.ui.Item[Any], groups: dict[str, str]) -> None:
                super().__init__(item)
                self._groups = groups

            @classmethod
            async def from_custom_id(
                cls,
                _interaction: discord.Interaction[Any],
                item: discord.ui.Item[Any],
                match: re.Match[str],
                /,
            ) -> Self:
                return cls(item, match.groupdict())

            async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
                set_reply_language(interaction)
                try:
                    await admit_interaction(interaction.client, interaction.user)
                except app_commands.AppCommandError as refusal:
                    await report_error(interaction, refusal)
                    return False
                return True

            async def callback(self, interaction: discord.Interaction[Any]) -> None:
                async with error_boundary(interaction):
                    await acknowledge(interaction, ack_mode)
                    await action(interaction, self.item, **self._groups)

        FunctionItem.__name__, FunctionItem.__doc__ = action.__name__, action.__doc__
        FunctionItem.__module__ = action.__module__
        return FunctionItem

    return build_item_class


class TelexCog(commands.Cog):
    """Cog with a reference to the bot."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot


class PersistentItemCog(TelexCog):
    """Cog with persistent items (buttons and menus that work after a restart) and message menu entries."""

    persistent_items: tuple[PersistentItem, ...] = ()

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._context_menus: list[app_commands.ContextMenu] = []

    def add_message_menu(
        self, name: locale_str, action: MessageMenuAction, description: locale_str, *, in_servers_only: bool = False
    ) -> None:
        """Add an entry to the message menu; `description` appears in /help.

        Unless `in_servers_only` is set, the entry also appears where only the user installed Telex.
        """
        context_menu = app_commands.ContextMenu(name=name, callback=action, extras={"does": description})
        decorate_menu = guild_context_only if in_servers_only else user_installable
        self._context_menus.append(decorate_menu(context_menu))

    async def cog_load(self) -> None:
        """Register the persistent items and the message menu entries."""
        self.bot.add_dynamic_items(*self.persistent_items)
        for context_menu in self._context_menus:
            self.bot.tree.add_command(context_menu)

    async def cog_unload(self) -> None:
        for context_menu in self._context_menus:
            self.bot.tree.remove_command(context_menu.name, type=context_menu.type)
        self.bot.remove_dynamic_items(*self.persistent_items)


class ExpiredComponentCog(TelexCog):
    """Cog that replies to clicks, and to modals sent, for views that no longer exist."""

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Tell the user that a view has expired, because it timed out or the bot restarted.

        A click on an item that a living view no longer has is acknowledged without a reply.
        """
        custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
        interaction_type = discord.InteractionType
        if interaction.type not in {
            interaction_type.component,
            interaction_type.modal_submit,
        } or not custom_id.startswith(CUSTOM_ID_PREFIX):
            return
        if interaction.response.is_done():
            return
        view = OwnedView.find_live_view(custom_id, interaction.client)
        with contextlib.suppress(*DISCORD_ERRORS):
            if view is None:
                set_reply_language(interaction)
                origin_metadata = None if interaction.message is None else interaction.message.interaction_metadata
                was_opened_by_button = (
                    origin_metadata is not None and origin_metadata.type is interaction_type.component
                )
                await interaction.response.send_message(
                    expired_text(was_opened_by_button=was_opened_by_button), ephemeral=True
                )
            elif interaction.type is interaction_type.component and not view.contains_item(custom_id):
                await interaction.response.defer()  # A second click came after the view had changed.
