"""Views for one user, which expire with a message that says so."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

import discord

from bot.client.command_tree import admit_interaction
from bot.client.discord_client import TelexBot
from bot.client.error_replies import report_error, set_reply_language
from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import blocks, layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import Layout
from bot.posting.rendering.messages import Picture
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store import Store
from bot.text import discord_text

Interaction = discord.Interaction[TelexBot]
ClickAction = Callable[[Interaction], Awaitable[object]]
"""Type of the function that a click on a button calls."""

VIEW_TIMEOUT_SECONDS = 14 * 60
"""Time in seconds without a click after which a view expires. Discord allows editing a reply for 15 minutes.

https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
"""

CUSTOM_ID_PREFIX = "telex:view:"
"""Beginning of the custom ids of buttons, menus and modals of views that expire."""

_RENDERED_EXTRAS_KEY = "shown"
"""Key in the extras of an interaction that marks that its reply has been shown."""


class AckMode(Enum):
    """Way to acknowledge an interaction within Discord's three seconds, before the action runs."""

    UPDATE_MESSAGE = auto()
    """Acknowledgement that the message with the clicked component will be updated."""
    EPHEMERAL_MESSAGE = auto()
    """Acknowledgement that a new message will follow, which only the user sees."""
    MANUAL = auto()
    """No acknowledgement: the action acknowledges, because it opens a modal or has to decide first."""


async def acknowledge(interaction: Interaction, ack_mode: AckMode) -> None:
    """Acknowledge an interaction in the given mode."""
    if ack_mode is AckMode.UPDATE_MESSAGE:
        await interaction.response.defer()
    elif ack_mode is AckMode.EPHEMERAL_MESSAGE:
        await interaction.response.defer(ephemeral=True, thinking=True)


class OwnedView(discord.ui.LayoutView):
    """View for the user who opened it, in the channel where they opened it.

    The layout of the view (`bot.posting.rendering.layout`) is the whole message. Each click is checked first:
    the user, the server, the rate limit, and `authorize`. An action only changes the state; after `UPDATE_MESSAGE`,
    `render` runs unless the action displayed something or stopped the view. Custom ids contain the token of the view,
    so that `ExpiredComponentCog` can recognise and answer clicks on expired views.
    """

    has_saved = False
    """Whether the last action saved something, which the next display of the view tells the user once."""

    _live_views: ClassVar[WeakValueDictionary[str, OwnedView]] = WeakValueDictionary()

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(timeout=VIEW_TIMEOUT_SECONDS)
        self.interaction = interaction
        """Latest interaction with which the message of this view can be edited."""
        self._token = secrets.token_hex(8)
        self._item_counter = 0
        self._live_views[self._token] = self
        self._layout: Layout = ()
        self._pictures: Sequence[Picture] = ()
        self._was_opened_by_button = interaction.type is discord.InteractionType.component

    @property
    def client(self) -> TelexBot:
        return self.interaction.client

    @property
    def store(self) -> Store:
        return self.interaction.client.store

    @property
    def user_id(self) -> int:
        return self.interaction.user.id

    @classmethod
    def find_live_view(cls, custom_id: str, client: discord.Client) -> OwnedView | None:
        """Return the view with a component of this custom id, or None if it has expired.

        Only views of the given client are found.
        """
        view = cls._live_views.get(custom_id.removeprefix(CUSTOM_ID_PREFIX).partition(":")[0])
        return None if view is None or view.is_finished() or view.interaction.client is not client else view

    def contains_item(self, custom_id: str) -> bool:
        """Return whether the view currently shows an item with this custom id."""
        return any(getattr(item, "custom_id", None) == custom_id for item in self.walk_children())

    def new_custom_id(self) -> str:
        self._item_counter += 1
        return f"{CUSTOM_ID_PREFIX}{self._token}:{self._item_counter}"

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Return whether the user opened this view, in this server, and it has not expired.

        Another user is told that the view is not theirs. A click of the user counts towards the rate limit. Raises
        `UserFacingError` if the user may not use the view any more or now, or `CommandOnCooldown` if they exceed the
        rate limit.
        """
        set_reply_language(interaction)
        if self.is_finished():  # It expired while a modal was open; `ExpiredComponentCog` answers.
            return False
        if interaction.user.id != self.interaction.user.id or interaction.guild_id != self.interaction.guild_id:
            await interaction.response.send_message(
                _("These buttons are for the person who asked. Run the command yourself to get your own."),
                ephemeral=True,
            )
            return False
        await admit_interaction(interaction.client, interaction.user)
        await self.authorize(interaction)
        return True

    async def authorize(self, interaction: Interaction) -> None:
        """Raise `UserFacingError` if the user may no longer use this view."""

    async def render(self, interaction: Interaction) -> None:
        """Show the current state of the view in the reply to an acknowledged interaction."""

    @contextlib.asynccontextmanager
    async def handle_interaction(self, interaction: Interaction, ack_mode: AckMode) -> AsyncIterator[None]:
        """Acknowledge an interaction, run the body of the `async with` block, then render the view again.

        The view is rendered only if its own message is to be updated, and the body neither displayed anything nor
        stopped the view. It is rendered after an error too, so that no menu shows a choice that was rejected.
        """
        await acknowledge(interaction, ack_mode)
        try:
            yield
        except Exception:
            with contextlib.suppress(*DISCORD_ERRORS, UserFacingError):
                await self._rerender(interaction, ack_mode)
            raise
        await self._rerender(interaction, ack_mode)

    async def _rerender(self, interaction: Interaction, ack_mode: AckMode) -> None:
        if (
            ack_mode is AckMode.UPDATE_MESSAGE
            and _RENDERED_EXTRAS_KEY not in interaction.extras
            and not self.is_finished()
        ):
            await self.render(interaction)

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, _item: object, /) -> None:
        await report_error(interaction, error)

    async def display(self, interaction: Interaction, layout: Layout, *, pictures: Sequence[Picture] = ()) -> None:
        """Show a layout in the reply to an acknowledged interaction, and handle clicks on its items."""
        if self.has_saved:
            self.has_saved = False
            layout = blocks.append_block(layout, blocks.text_block("-# ✅ " + _("Saved")))
        self._layout, self._pictures = layout, pictures
        layout_views.fill_view(self, layout)
        for item in self.walk_children():
            if isinstance(item, ActionButton | _ActionSelect):
                item.custom_id = self.new_custom_id()
        self.interaction = interaction
        interaction.extras[_RENDERED_EXTRAS_KEY] = True
        await _edit_original(interaction, self, pictures)

    async def display_card(
        self,
        interaction: Interaction,
        *card_blocks: blocks.Block,
        colour: int = outlet_branding.DEFAULT_COLOUR,
        pictures: Sequence[Picture] = (),
    ) -> None:
        """Show layout blocks in a card in the reply to an acknowledged interaction."""
        await self.display(interaction, (blocks.Card(card_blocks, colour),), pictures=pictures)

    async def finish(self, interaction: Interaction, layout: Layout | str) -> None:
        """Stop the view and show a last layout or sentence, without buttons or menus of this view."""
        self.stop()
        await reply(interaction, layout)

    async def cancel(self, interaction: Interaction) -> None:
        """Stop the view and tell the user that nothing changed."""
        await self.finish(interaction, _("Nothing changed."))

    async def on_timeout(self) -> None:
        """Remove buttons and menus and tell the user that they have expired."""
        set_reply_language(self.interaction)
        final_layout = (
            *blocks.without_items(self._layout),
            blocks.text_block(f"-# {expired_text(was_opened_by_button=self._was_opened_by_button)}"),
        )
        with contextlib.suppress(*DISCORD_ERRORS):
            await _edit_original(self.interaction, layout_views.build_static_view(final_layout), self._pictures)


async def reply(interaction: Interaction, layout: Layout | str) -> None:
    """Show a layout or a sentence in the reply to an acknowledged interaction."""
    reply_layout = (blocks.text_block(layout),) if isinstance(layout, str) else layout
    await _edit_original(interaction, layout_views.build_static_view(reply_layout))


async def reply_with_card(interaction: Interaction, *card_blocks: blocks.Block) -> None:
    """Show layout blocks in a card in the reply to an acknowledged interaction."""
    await reply(interaction, (blocks.Card(card_blocks, outlet_branding.DEFAULT_COLOUR),))


async def _edit_original(
    interaction: Interaction, view: discord.ui.LayoutView, pictures: Sequence[Picture] = ()
) -> None:
    # Attachments that the view refers to must be sent again with each edit:
    # https://discord.com/developers/docs/resources/message#edit-message
    await interaction.edit_original_response(
        content=None,
        embed=None,
        attachments=[picture.to_file() for picture in pictures],
        view=view,
        allowed_mentions=discord.AllowedMentions.none(),
    )


class ActionButton(discord.ui.Button[Any]):
    """Button that acknowledges a click and then calls a coroutine function with the interaction."""

    def __init__(
        self,
        action: ClickAction,
        ack_mode: AckMode = AckMode.UPDATE_MESSAGE,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**kwargs)
        self._action, self._ack_mode = action, ack_mode

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        view: Any = self.view
        async with view.handle_interaction(interaction, self._ack_mode):
            await self._action(interaction)


class _ActionSelect:
    """Menu that acknowledges a selection and then calls a coroutine function with the selected values."""

    if TYPE_CHECKING:
        custom_id: str
        min_values: int
        max_values: int
        values: Any
        view: Any

    def __init__(
        self,
        action: Callable[[Interaction, list[Any]], Awaitable[object]],
        ack_mode: AckMode = AckMode.UPDATE_MESSAGE,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**kwargs)
        self._action, self._ack_mode = action, ack_mode

    def selected_values(self) -> list[Any]:
        return [choice.id for choice in self.values]

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the selected values to the action.

        Raises `UserFacingError` if more or fewer values were selected than the menu allows, or one that it lacks.
        """
        selected_values = self.selected_values()
        if not self.min_values <= len(selected_values) <= self.max_values:
            raise UserFacingError(expired_text())
        async with self.view.handle_interaction(interaction, self._ack_mode):
            await self._action(interaction, selected_values)


class StringMenu(_ActionSelect, discord.ui.Select[Any]):
    """Menu of strings. Its action receives the selected values."""

    def selected_values(self) -> list[str]:
        option_values: list[str] = self.values
        if not set(option_values) <= {option.value for option in self.options}:
            raise UserFacingError(expired_text())
        return option_values


def menu_option(label: str, value: object, description: str = "", *, is_default: bool = False) -> discord.SelectOption:
    """Return a menu option with label and description as single lines, cut to Discord's limits."""
    return discord.SelectOption(
        label=discord_text.to_plain_line(label, discord_limits.MAX_OPTION_LABEL_LENGTH) or "…",
        value=str(value),
        description=discord_text.to_plain_line(description, discord_limits.MAX_OPTION_LABEL_LENGTH) or None,
        default=is_default,
    )


class ChannelMenu(_ActionSelect, discord.ui.ChannelSelect[Any]):
    """Menu of channels and threads. Its action receives the selected ids."""


class RoleMenu(_ActionSelect, discord.ui.RoleSelect[Any]):
    """Menu of roles. Its action receives the selected ids."""


def expired_text(*, was_opened_by_button: bool = False) -> str:
    """Return the sentence that says that buttons have expired, and how to get new ones.

    `was_opened_by_button` means that another button, not a command, had shown the buttons.
    """
    if was_opened_by_button:
        return _("These buttons have expired. Open the menu again.")
    return _("These buttons have expired. Run the command again.")
