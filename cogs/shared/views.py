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

Interaction = discord.Interaction[Telex]
Action = Callable[[Interaction], Awaitable[None]]

PATIENCE = 14 * 60
"""Seconds that a view waits for a click. Discord lets a reply be edited for fifteen minutes after a click:
https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages"""

_PREFIX = "telex:view:"

NOBODY = discord.AllowedMentions.none()
"""An edit that does not say so again mentions whom its text names."""


class ForAsker:
    """Of a view: it is for the person who asked, in the place where they asked.

    A click is checked before anything happens: the person, the server, and what `check` asks for. The ids of
    the items name this view, so that a click on a view that timed out, or that an earlier process made, is
    recognised by `Stale` and answered in words.
    """

    _alive: ClassVar[WeakValueDictionary[str, ForAsker]] = WeakValueDictionary()

    if TYPE_CHECKING:  # of every view

        def is_finished(self) -> bool:
            """Whether it answers no more."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(timeout=PATIENCE)  # type: ignore[call-arg]  # the view's own, next in line
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


class AskerView(ForAsker, discord.ui.View):
    """Buttons and menus below a message, for the person who asked."""

    def add_item(self, item: discord.ui.Item[Any]) -> Self:
        """Add an item; buttons and menus of the view's own get an id that leads back to it."""
        if isinstance(item, OWN):
            item.custom_id = self.new_id()
        return super().add_item(item)

    async def on_timeout(self) -> None:
        """Take the buttons away and say why."""
        speak_to(self.asked)
        with contextlib.suppress(discord.HTTPException):
            await self.asked.edit_original_response(content=expired(), view=None)


class AskerLayout(ForAsker, discord.ui.LayoutView):
    """A whole message of blocks, with buttons and menus among them, for the person who asked.

    The message stays one of blocks to its end: no edit of it may have text or embeds beside them.
    """

    def add_item(self, item: discord.ui.Item[Any]) -> Self:
        """Add a block; buttons and menus in it of the view's own get an id that leads back to it."""
        inside = getattr(item, "walk_children", tuple)  # of rows, sections and containers
        for one in (item, *inside()):
            if isinstance(one, OWN):
                one.custom_id = self.new_id()
        return super().add_item(item)

    async def present(self, interaction: Interaction, *blocks: discord.ui.Item[Any]) -> None:
        """Show these blocks, and no others, in the reply to an interaction that was acknowledged."""
        self.clear_items()
        for block in blocks:
            self.add_item(block)
        self.asked = interaction
        await interaction.edit_original_response(view=self, allowed_mentions=NOBODY)

    async def finish(self, interaction: Interaction, *lines: str) -> None:
        """Put an end to the view: these lines, of which some may be empty, take its place."""
        self.stop()
        await say(interaction, *lines)

    async def on_timeout(self) -> None:
        """Take the buttons away and say why."""
        speak_to(self.asked)
        left = discord.ui.LayoutView(timeout=None)
        for block in self.children:
            if (readable := _readable(block)) is not None:
                left.add_item(readable)
        left.add_item(discord.ui.TextDisplay(f"-# {expired()}"))
        left.stop()
        with contextlib.suppress(discord.HTTPException):
            await self.asked.edit_original_response(view=left, allowed_mentions=NOBODY)


async def say(interaction: Interaction, *lines: str) -> None:
    """Let these lines, of which some may be empty, be all that the reply to an interaction says."""
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay("\n".join(filter(None, lines))))
    view.stop()
    await interaction.edit_original_response(view=view, allowed_mentions=NOBODY)


def _readable(block: discord.ui.Item[Any]) -> discord.ui.Item[Any] | None:
    """A block without its buttons and menus; None where nothing is left of it."""
    match block:
        case discord.ui.ActionRow():
            return None
        case discord.ui.Section(accessory=discord.ui.Button()):
            said = [one.content for one in block.children if isinstance(one, discord.ui.TextDisplay)]
            return discord.ui.TextDisplay("\n".join(said))
        case discord.ui.Container():
            parts = [part for one in block.children if (part := _readable(one)) is not None]
            while parts and isinstance(parts[-1], discord.ui.Separator):  # of the buttons
                parts.pop()
            return discord.ui.Container(*parts, accent_colour=block.accent_colour)
    return block


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


OWN = Press | Choose | ChooseChannel | ChooseRole


def _require_number(
    menu: discord.ui.Select[Any] | discord.ui.ChannelSelect[Any] | discord.ui.RoleSelect[Any],
    values: Sequence[object],
) -> None:
    """Raise `Refusal` for fewer or more choices than a menu takes: Discord's clients send no such."""
    if not menu.min_values <= len(values) <= menu.max_values:
        raise Refusal(expired())


class Window(discord.ui.Modal):
    """A window to fill in, opened from a view; checked as a click on the view is."""

    def __init__(self, view: ForAsker, title: str) -> None:
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
        view: ForAsker,
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
        if ForAsker.has_maker(custom_id, interaction.client) or interaction.response.is_done():
            return
        speak_to(interaction)
        with contextlib.suppress(discord.HTTPException):
            await interaction.response.send_message(expired(), ephemeral=True)


def expired() -> str:
    """What to say of buttons that are too old."""
    return _("These buttons have expired. Run the command again.")
