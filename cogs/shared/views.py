"""Views that answer one person, notice when they are too old, and say so."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakValueDictionary

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.discord_client import Telex, answering, report, slow_down, speak_to
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering.layout import blocks, layout_views
from bot.posting.rendering.layout.blocks import Layout

Interaction = discord.Interaction[Telex]
Action = Callable[[Interaction], Awaitable[None]]

PATIENCE = 14 * 60
"""Seconds that a view waits for a click. Discord lets a reply be edited for fifteen minutes after a click:
https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages"""

_PREFIX = "telex:view:"


class Asker:
    """Of a view: buttons and menus for the person who asked, in the place where they asked.

    A click is checked before anything happens: the person, the server, and what `check` asks for. The ids of
    the items name this view, so that a click on a view that timed out, or that an earlier process made, is
    recognised by `Stale` and answered in words.
    """

    if TYPE_CHECKING:

        def is_finished(self) -> bool:
            """As discord.py has it."""

    _alive: ClassVar[WeakValueDictionary[str, Asker]] = WeakValueDictionary()

    def _asked_by(self, interaction: Interaction) -> None:
        self.asked = interaction
        """The latest interaction that may edit the message of this view."""
        self._token = secrets.token_hex(8)
        self._items = 0
        self._alive[self._token] = self

    @classmethod
    def has_maker(cls, custom_id: str, client: discord.Client) -> bool:
        """Whether the view that made an item of this id still answers, for this client."""
        view = cls._alive.get(custom_id.removeprefix(_PREFIX).partition(":")[0])
        return view is not None and not view.is_finished() and view.asked.client is client

    def new_id(self) -> str:
        """An id that leads back to this view."""
        self._items += 1
        return f"{_PREFIX}{self._token}:{self._items}"

    def own(self, item: discord.ui.Item[Any]) -> None:
        """Give a button or menu of the view's own an id that leads back to it."""
        if isinstance(item, Press | Choose | ChooseChannel | ChooseRole):
            item.custom_id = self.new_id()

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Only who asked, where they asked, and while they may."""
        speak_to(interaction)
        if self.is_finished():  # while a window was open; `Stale` says so
            return False
        if interaction.user.id != self.asked.user.id or interaction.guild_id != self.asked.guild_id:
            await interaction.response.send_message(
                _("These buttons are for the person who asked. Run the command yourself to get your own."),
                ephemeral=True,
            )
            return False
        slow_down(interaction)
        await self.check(interaction)
        return True

    async def check(self, interaction: Interaction) -> None:
        """Raise what the person shall be told when they may not click any more."""

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: object, /
    ) -> None:
        """Tell the person."""
        await report(interaction, error)


class AskerView(Asker, discord.ui.View):
    """Such buttons and menus under an embed or a text."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(timeout=PATIENCE)
        self._asked_by(interaction)

    def add_item(self, item: discord.ui.Item[Any]) -> Self:
        """Add an item."""
        self.own(item)
        return super().add_item(item)

    async def on_timeout(self) -> None:
        """Take the buttons away and say why."""
        speak_to(self.asked)
        with contextlib.suppress(discord.HTTPException):
            await self.asked.edit_original_response(content=expired(), view=None)


class AskerLayout(Asker, discord.ui.LayoutView):
    """Such buttons and menus in a layout (`bot.posting.rendering.layout`), which is the whole message."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(timeout=PATIENCE)
        self._asked_by(interaction)
        self._layout: Layout = ()

    async def display(
        self, interaction: Interaction, layout: Layout, *, files: Sequence[discord.File] = ()
    ) -> None:
        """Show a layout in the reply to an interaction that was acknowledged, and answer its buttons."""
        self._layout = layout
        layout_views.fill(self, layout)
        for item in self.walk_children():
            self.own(item)
        self.asked = interaction
        await _replace(interaction, self, files)

    async def end(self, interaction: Interaction, layout: Layout | str) -> None:
        """Show a last layout, or a sentence, whose buttons are none of this view's."""
        self.stop()
        shown = (blocks.text(layout),) if isinstance(layout, str) else layout
        await _replace(interaction, layout_views.static(shown))

    async def on_timeout(self) -> None:
        """Take the buttons away and say why."""
        speak_to(self.asked)
        left = (*blocks.without_items(self._layout), blocks.text(f"-# {expired()}"))
        with contextlib.suppress(discord.HTTPException):
            await self.asked.edit_original_response(view=layout_views.static(left))


async def _replace(
    interaction: Interaction, view: discord.ui.LayoutView, files: Sequence[discord.File] = ()
) -> None:
    await interaction.edit_original_response(
        content=None,
        embed=None,
        attachments=list(files),
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


class Paced:
    """Of a button or menu that outlives restarts: nobody presses such more often than their share."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse, in words, whoever is too quick."""
        speak_to(interaction)
        try:
            slow_down(interaction)
        except app_commands.CommandOnCooldown as refusal:
            await report(interaction, refusal)
            return False
        return True


class Press(discord.ui.Button[Any]):
    """A button that calls a coroutine function with the click."""

    def __init__(self, action: Action, **look: Any) -> None:  # noqa: ANN401  # those of a button
        super().__init__(**look)
        self._action = action

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the click on."""
        await self._action(interaction)


class Choose(discord.ui.Select[Any]):
    """A menu that calls a coroutine function with the choice; the values are in `.values`."""

    def __init__(self, action: Callable[[Interaction, list[str]], Awaitable[None]], **look: Any) -> None:  # noqa: ANN401  # of a menu
        super().__init__(**look)
        self._action = action

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the choice on, unless it is none that was offered: Discord's clients send no such."""
        if not set(self.values) <= {option.value for option in self.options}:
            raise Refusal(expired())
        _require_number(self, self.values)
        await self._action(interaction, self.values)


class ChooseChannel(discord.ui.ChannelSelect[Any]):
    """A menu of channels and threads that calls a coroutine function with the ids of those chosen."""

    def __init__(self, action: Callable[[Interaction, list[int]], Awaitable[None]], **look: Any) -> None:  # noqa: ANN401  # of a menu
        super().__init__(**look)
        self._action = action

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the choice on."""
        _require_number(self, self.values)
        await self._action(interaction, [channel.id for channel in self.values])


class ChooseRole(discord.ui.RoleSelect[Any]):
    """A menu of roles that calls a coroutine function with the ids of those chosen."""

    def __init__(self, action: Callable[[Interaction, list[int]], Awaitable[None]], **look: Any) -> None:  # noqa: ANN401  # of a menu
        super().__init__(**look)
        self._action = action

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the choice on."""
        _require_number(self, self.values)
        await self._action(interaction, [role.id for role in self.values])


def _require_number(
    menu: discord.ui.Select[Any] | discord.ui.ChannelSelect[Any] | discord.ui.RoleSelect[Any],
    values: Sequence[object],
) -> None:
    """Raise `Refusal` for fewer or more choices than a menu takes: Discord's clients send no such."""
    if not menu.min_values <= len(values) <= menu.max_values:
        raise Refusal(expired())


class Window(discord.ui.Modal):
    """A window to fill in, opened from a view; checked as a click on the view is."""

    def __init__(self, view: Asker, title: str) -> None:
        super().__init__(title=title, timeout=PATIENCE, custom_id=view.new_id())
        self._view = view

    async def filled(self, interaction: Interaction) -> None:
        """Do what the view wants with what was filled in."""
        raise NotImplementedError

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass it on. Whoever may not click on the view any more is told so."""
        async with answering(interaction):
            if await self._view.interaction_check(interaction):
                await self.filled(interaction)


class Ask(Window):
    """A window with one line."""

    def __init__(
        self,
        view: Asker,
        action: Callable[[Interaction, str], Awaitable[None]],
        *,
        title: str,
        label: str,
        **look: Any,  # noqa: ANN401  # of the line
    ) -> None:
        super().__init__(view, title)
        self._action = action
        self._line: discord.ui.TextInput[Self] = discord.ui.TextInput(custom_id="line", **look)
        self.add_item(discord.ui.Label(text=label, component=self._line))

    async def filled(self, interaction: Interaction) -> None:
        """Pass on the line."""
        await self._action(interaction, self._line.value.strip())


class Stale(commands.Cog):
    """Answers clicks on buttons that nothing stands behind any more."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Say that a view has expired: it timed out, or the bot was started anew since."""
        custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
        kinds = discord.InteractionType
        if interaction.type not in {kinds.component, kinds.modal_submit} or not custom_id.startswith(_PREFIX):
            return
        if Asker.has_maker(custom_id, interaction.client) or interaction.response.is_done():
            return
        speak_to(interaction)
        with contextlib.suppress(discord.HTTPException):
            await interaction.response.send_message(expired(), ephemeral=True)


def expired() -> str:
    """What to say of buttons that are too old."""
    return _("These buttons have expired. Run the command again.")
