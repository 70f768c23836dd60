"""Views that answer one person, notice when they are too old, and say so."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

import discord

from bot.client.command_tree import slow_down
from bot.client.discord_client import Telex
from bot.client.error_answers import report, speak_to
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import blocks, layout_views, outlets
from bot.posting.rendering.layout.blocks import Layout
from bot.posting.rendering.messages import Picture
from bot.store import Store
from bot.text import safe

Interaction = discord.Interaction[Telex]
Action = Callable[[Interaction], Awaitable[object]]

PATIENCE = 14 * 60
"""Seconds that a view waits for a click. Discord lets a reply be edited for fifteen minutes after a click:
https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages"""

PREFIX = "telex:view:"  # of the ids of items

_SHOWN = "shown"  # of the extras of a click: it showed something


class Reply(Enum):
    """How a click is acknowledged before anything else happens: Discord waits for three seconds."""

    HERE = auto()
    """The message that was clicked on changes."""
    NEW = auto()
    """A message of its own answers, for the person alone."""
    OWN = auto()
    """The action acknowledges it: it opens a window, or looks at something first."""


async def acknowledge(interaction: Interaction, reply: Reply) -> None:
    """Answer a click in time."""
    if reply is Reply.HERE:
        await interaction.response.defer()
    elif reply is Reply.NEW:
        await interaction.response.defer(ephemeral=True, thinking=True)


class AskerLayout(discord.ui.LayoutView):
    """Buttons and menus for the person who asked, in the place where they asked.

    They stand in a layout (`bot.posting.rendering.layout`), which is the whole message. A click is checked
    before anything happens: the person, the server, and what `check` asks for. An action only changes what is
    to be shown: `show` is called after it, unless it showed something or ended this. The ids of the items
    name this view, so that a click on a view that timed out, or that an earlier process made, is recognised
    by `Stale` and answered in words.
    """

    has_saved = False
    """Whether the action saved something, which is said once below what is shown next."""

    _alive: ClassVar[WeakValueDictionary[str, AskerLayout]] = WeakValueDictionary()

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(timeout=PATIENCE)
        self.asked = interaction
        """The latest interaction that may edit the message of this view."""
        self._token = secrets.token_hex(8)
        self._items = 0
        self._alive[self._token] = self
        self._layout: Layout = ()
        self._pictures: Sequence[Picture] = ()
        self._is_menu = interaction.type is discord.InteractionType.component

    @property
    def client(self) -> Telex:
        return self.asked.client

    @property
    def store(self) -> Store:
        return self.asked.client.store

    @property
    def person_id(self) -> int:
        return self.asked.user.id

    @classmethod
    def maker(cls, custom_id: str, client: discord.Client) -> AskerLayout | None:
        """The view that made an item of this id, if it still answers, for this client."""
        view = cls._alive.get(custom_id.removeprefix(PREFIX).partition(":")[0])
        return None if view is None or view.is_finished() or view.asked.client is not client else view

    def shows(self, custom_id: str) -> bool:
        """Whether an item of this id is among those that are shown now."""
        return any(getattr(item, "custom_id", None) == custom_id for item in self.walk_children())

    def new_id(self) -> str:
        self._items += 1
        return f"{PREFIX}{self._token}:{self._items}"

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

    async def show(self, interaction: Interaction) -> None:
        """Show what holds now in the reply to an interaction that was acknowledged."""

    @contextlib.asynccontextmanager
    async def acting(self, interaction: Interaction, reply: Reply) -> AsyncIterator[None]:
        """Around what a click does. What holds is shown after a refusal too: a menu keeps what was chosen."""
        await acknowledge(interaction, reply)
        try:
            yield
        except Exception:
            with contextlib.suppress(discord.HTTPException, Refusal):
                await self._show_anew(interaction, reply)
            raise
        await self._show_anew(interaction, reply)

    async def _show_anew(self, interaction: Interaction, reply: Reply) -> None:
        if reply is Reply.HERE and _SHOWN not in interaction.extras and not self.is_finished():
            await self.show(interaction)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: object, /
    ) -> None:
        await report(interaction, error)

    async def display(
        self, interaction: Interaction, layout: Layout, *, pictures: Sequence[Picture] = ()
    ) -> None:
        """Show a layout in the reply to an interaction that was acknowledged, and answer its buttons."""
        if self.has_saved:
            self.has_saved = False
            layout = blocks.with_last(layout, blocks.text("-# ✅ " + _("Saved")))
        self._layout, self._pictures = layout, pictures
        layout_views.fill(self, layout)
        for item in self.walk_children():
            if isinstance(item, Press | _Menu):
                item.custom_id = self.new_id()
        self.asked = interaction
        interaction.extras[_SHOWN] = True
        await _replace(interaction, self, pictures)

    async def display_card(
        self,
        interaction: Interaction,
        *shown: blocks.Block,
        colour: int = outlets.COLOUR,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """Show blocks in a card, as `display` does."""
        await self.display(interaction, (blocks.Card(shown, colour),), pictures=pictures)

    async def end(self, interaction: Interaction, layout: Layout | str) -> None:
        """Show a last layout, or a sentence, whose buttons are none of this view's."""
        self.stop()
        await answer(interaction, layout)

    async def cancel(self, interaction: Interaction) -> None:
        """End without having changed anything, and say so."""
        await self.end(interaction, _("Nothing changed."))

    async def on_timeout(self) -> None:
        """Take the buttons away and say why."""
        speak_to(self.asked)
        left = (*blocks.without_items(self._layout), blocks.text(f"-# {expired(is_menu=self._is_menu)}"))
        with contextlib.suppress(discord.HTTPException):
            await _replace(self.asked, layout_views.static(left), self._pictures)


async def answer(interaction: Interaction, layout: Layout | str) -> None:
    """Show a layout, or a sentence, in the reply to an interaction that was acknowledged."""
    shown = (blocks.text(layout),) if isinstance(layout, str) else layout
    await _replace(interaction, layout_views.static(shown))


async def answer_card(interaction: Interaction, *shown: blocks.Block) -> None:
    """Show blocks in a card, as `answer` does."""
    await answer(interaction, (blocks.Card(shown, outlets.COLOUR),))


async def _replace(
    interaction: Interaction, view: discord.ui.LayoutView, pictures: Sequence[Picture] = ()
) -> None:
    # An `attachment://` in the view has to be among the attachments of the same request, also where the
    # message has it: https://discord.com/developers/docs/resources/message#edit-message
    await interaction.edit_original_response(
        content=None,
        embed=None,
        attachments=[picture.file() for picture in pictures],
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


class Press(discord.ui.Button[Any]):
    """A button that acknowledges a click and calls a coroutine function with it."""

    def __init__(self, action: Action, reply: Reply = Reply.HERE, **look: Any) -> None:  # noqa: ANN401  # those of a button
        super().__init__(**look)
        self._action, self._reply = action, reply

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        view: Any = self.view
        async with view.acting(interaction, self._reply):
            await self._action(interaction)


class _Menu:
    """Of a menu: it acknowledges a choice and calls a coroutine function with it."""

    if TYPE_CHECKING:
        custom_id: str
        min_values: int
        max_values: int
        values: Any
        view: Any

    def __init__(
        self,
        action: Callable[[Interaction, list[Any]], Awaitable[object]],
        reply: Reply = Reply.HERE,
        **look: Any,  # noqa: ANN401  # of a menu
    ) -> None:
        super().__init__(**look)
        self._action, self._reply = action, reply

    def chosen(self) -> list[Any]:
        return [one.id for one in self.values]

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the choice on, unless it is none that was offered: Discord's clients send no such."""
        chosen = self.chosen()
        if not self.min_values <= len(chosen) <= self.max_values:
            raise Refusal(expired())
        async with self.view.acting(interaction, self._reply):
            await self._action(interaction, chosen)


class Choose(_Menu, discord.ui.Select[Any]):
    """A menu; it gives the values that were chosen."""

    def chosen(self) -> list[str]:
        values: list[str] = self.values
        if not set(values) <= {option.value for option in self.options}:
            raise Refusal(expired())
        return values


def option(label: str, value: object, told: str = "", *, chosen: bool = False) -> discord.SelectOption:
    """An option of a menu: one line of plain text as long as Discord takes, and a second one in small."""
    return discord.SelectOption(
        label=safe.plain(label, discord_limits.OPTION) or "…",
        value=str(value),
        description=safe.plain(told, discord_limits.OPTION) or None,
        default=chosen,
    )


class ChooseChannel(_Menu, discord.ui.ChannelSelect[Any]):
    """A menu of channels and threads; it gives their ids."""


class ChooseRole(_Menu, discord.ui.RoleSelect[Any]):
    """A menu of roles; it gives their ids."""


def expired(*, is_menu: bool = False) -> str:
    """Return the sentence for buttons that are too old; `is_menu`: a button opened them, not a command."""
    if is_menu:
        return _("These buttons have expired. Open the menu again.")
    return _("These buttons have expired. Run the command again.")
