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
"""Callback of a modal. It takes the interaction and the text of each field."""


class TextField(discord.ui.Label[Any]):
    """A labelled text field of a modal; `kwargs` are those of `discord.ui.TextInput`."""

    def __init__(self, name: str, label: str, *, description: str | None = None, **look: Any) -> None:  # noqa: ANN401
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=name, **look)
        super().__init__(text=label, description=description, component=self.typed)


class FormModal(discord.ui.Modal):
    """A modal with text fields. With a `view`, its submission is checked like a click on that view."""

    def __init__(
        self,
        title: str,
        filled: OnModalSubmit,
        *lines: TextField,
        view: OwnedView | None = None,
        reply: AckMode = AckMode.UPDATE_MESSAGE,
    ) -> None:
        super().__init__(
            title=title, timeout=VIEW_TIMEOUT_SECONDS, custom_id=MISSING if view is None else view.new_id()
        )
        self._on_submit, self._fields, self._view, self._reply = filled, lines, view, reply
        for line in lines:
            self.add_item(line)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass the field texts to the callback, unless the user may no longer use the view."""
        async with error_boundary(interaction):
            typed = [line.typed.value for line in self._fields]
            if self._view is None:
                await acknowledge(interaction, self._reply)
                await self._on_submit(interaction, *typed)
            elif await self._view.interaction_check(interaction):
                async with self._view.handling(interaction, self._reply):
                    await self._on_submit(interaction, *typed)


def modal_button(
    view: OwnedView,
    action: Callable[[Interaction, str], Awaitable[None]],
    label: str,
    line: TextField,
    *,
    title: str,
    reply: AckMode = AckMode.UPDATE_MESSAGE,
    **look: Any,  # noqa: ANN401
) -> ActionButton:
    """Return a button that opens a modal with one field and passes its stripped text to `action`."""

    async def filled(interaction: Interaction, typed: str) -> None:
        await action(interaction, typed.strip())

    async def ask(interaction: Interaction) -> None:
        await interaction.response.send_modal(FormModal(title, filled, line, view=view, reply=reply))

    return ActionButton(ask, AckMode.MANUAL, label=label, **look)


class SingleChoiceMenu(OwnedView):
    """A menu for one choice, which then closes."""

    def __init__(
        self,
        interaction: Interaction,
        action: Callable[[Interaction, str], Awaitable[None]],
        placeholder: str,
        options: list[discord.SelectOption],
    ) -> None:
        super().__init__(interaction)
        self._action = action
        self._menu = StringMenu(self._chosen, placeholder=placeholder, options=options)

    async def render(self, interaction: Interaction) -> None:
        await self.display(interaction, (blocks.ActionRow(self._menu),))

    async def _chosen(self, interaction: Interaction, values: list[str]) -> None:
        self.stop()
        await self._action(interaction, values[0])
