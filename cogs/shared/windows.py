"""Asking for something: windows with lines to fill in, buttons that open one, a menu of its own."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.utils import MISSING

from bot.client.error_answers import answering
from bot.posting.rendering.layout import blocks
from cogs.shared.views import PATIENCE, AskerLayout, Choose, Interaction, Press, Reply, acknowledge

Filled = Callable[..., Awaitable[None]]
"""Takes the interaction and what was typed into each line."""


class Line(discord.ui.Label[Any]):
    """A line, or several, to fill in: its id, what stands above it, and how a `TextInput` looks."""

    def __init__(self, name: str, label: str, *, description: str | None = None, **look: Any) -> None:  # noqa: ANN401
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=name, **look)
        super().__init__(text=label, description=description, component=self.typed)


class Window(discord.ui.Modal):
    """A window with lines; opened from a `view`, it is checked as a click on the view is."""

    def __init__(
        self,
        title: str,
        filled: Filled,
        *lines: Line,
        view: AskerLayout | None = None,
        reply: Reply = Reply.HERE,
    ) -> None:
        super().__init__(title=title, timeout=PATIENCE, custom_id=MISSING if view is None else view.new_id())
        self._filled, self._lines, self._view, self._reply = filled, lines, view, reply
        for line in lines:
            self.add_item(line)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass on what was typed. Whoever may not click on the view any more is told so."""
        async with answering(interaction):
            typed = [line.typed.value for line in self._lines]
            if self._view is None:
                await acknowledge(interaction, self._reply)
                await self._filled(interaction, *typed)
            elif await self._view.interaction_check(interaction):
                async with self._view.acting(interaction, self._reply):
                    await self._filled(interaction, *typed)


def asking(
    view: AskerLayout,
    action: Callable[[Interaction, str], Awaitable[None]],
    label: str,
    line: Line,
    *,
    title: str,
    reply: Reply = Reply.HERE,
    **look: Any,  # noqa: ANN401  # of a button
) -> Press:
    """A button that asks for one line in a window, and gives it to `action` without spaces around it."""

    async def filled(interaction: Interaction, typed: str) -> None:
        await action(interaction, typed.strip())

    async def ask(interaction: Interaction) -> None:
        await interaction.response.send_modal(Window(title, filled, line, view=view, reply=reply))

    return Press(ask, Reply.OWN, label=label, **look)


class ChooseOne(AskerLayout):
    """A menu from which one thing is chosen, once."""

    def __init__(
        self,
        interaction: Interaction,
        action: Callable[[Interaction, str], Awaitable[None]],
        placeholder: str,
        options: list[discord.SelectOption],
    ) -> None:
        super().__init__(interaction)
        self._action = action
        self._menu = Choose(self._chosen, placeholder=placeholder, options=options)

    async def show(self, interaction: Interaction) -> None:
        await self.display(interaction, (blocks.Row(self._menu),))

    async def _chosen(self, interaction: Interaction, values: list[str]) -> None:
        self.stop()
        await self._action(interaction, values[0])
