"""Modals with text fields, buttons that open them, and a menu for a single choice."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.utils import MISSING

from bot.client.error_replies import error_boundary
from bot.posting.rendering.layout import blocks
from cogs.shared.views import (
    VIEW_TIMEOUT_SECONDS,
    AckMode,
    ActionButton,
    Interaction,
    OwnedView,
    StringMenu,
    acknowledge,
)

OnModalSubmit = Callable[..., Awaitable[None]]
"""Function that a modal calls when it is submitted, with the interaction and the text of each field."""


class TextField(discord.ui.Label[Any]):
    """Labelled text field of a modal; `kwargs` are arguments of `discord.ui.TextInput`."""

    def __init__(self, field_id: str, label: str, *, description: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        self.text_input: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=field_id, **kwargs)
        super().__init__(text=label, description=description, component=self.text_input)


class FormModal(discord.ui.Modal):
    """Modal with text fields. With a `view`, its submission is checked like a click on that view."""

    def __init__(
        self,
        title: str,
        on_submit: OnModalSubmit,
        *fields: TextField,
        view: OwnedView | None = None,
        ack_mode: AckMode = AckMode.UPDATE_MESSAGE,
    ) -> None:
        super().__init__(
            title=title,
            timeout=VIEW_TIMEOUT_SECONDS,
            custom_id=MISSING if view is None else view.new_custom_id(),
        )
        self._on_submit, self._form_fields, self._origin_view, self._ack_mode = (
            on_submit,
            fields,
            view,
            ack_mode,
        )
        for field in fields:
            self.add_item(field)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass the texts of the fields to the callback, unless the user may no longer use the view."""
        async with error_boundary(interaction):
            field_texts = [field.text_input.value for field in self._form_fields]
            if self._origin_view is None:
                await acknowledge(interaction, self._ack_mode)
                await self._on_submit(interaction, *field_texts)
            elif await self._origin_view.interaction_check(interaction):
                async with self._origin_view.handle_interaction(interaction, self._ack_mode):
                    await self._on_submit(interaction, *field_texts)


def modal_button(
    view: OwnedView,
    action: Callable[[Interaction, str], Awaitable[None]],
    label: str,
    text_field: TextField,
    *,
    title: str,
    ack_mode: AckMode = AckMode.UPDATE_MESSAGE,
    **kwargs: Any,  # noqa: ANN401
) -> ActionButton:
    """Return a button that opens a modal with one field.

    The text typed in the field is stripped and passed to `action`.
    """

    async def run_action_on_text(interaction: Interaction, text: str) -> None:
        await action(interaction, text.strip())

    async def open_text_modal(interaction: Interaction) -> None:
        await interaction.response.send_modal(
            FormModal(title, run_action_on_text, text_field, view=view, ack_mode=ack_mode)
        )

    return ActionButton(open_text_modal, AckMode.MANUAL, label=label, **kwargs)


class SingleChoiceMenu(OwnedView):
    """Menu for one choice, which closes once the user has chosen."""

    def __init__(
        self,
        interaction: Interaction,
        action: Callable[[Interaction, str], Awaitable[None]],
        placeholder: str,
        options: list[discord.SelectOption],
    ) -> None:
        super().__init__(interaction)
        self._action = action
        self._menu = StringMenu(self._on_choice, placeholder=placeholder, options=options)

    async def render(self, interaction: Interaction) -> None:
        await self.display(interaction, (blocks.ActionRow(self._menu),))

    async def _on_choice(self, interaction: Interaction, selected_values: list[str]) -> None:
        self.stop()
        await self._action(interaction, selected_values[0])
