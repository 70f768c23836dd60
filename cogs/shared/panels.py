"""How a panel of settings looks: a heading, then each setting with its value and what changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import discord

from bot.core.choices import Preference
from bot.posting.rendering.layout.blocks import Item, Section, Text, text
from cogs.shared.place_options import Place, require_view
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction

T = TypeVar("T")

NONE = "-"
"""The value of the option that chooses nothing."""


class ChannelPanel(ManagersLayout):
    """A panel about one channel, for who may still manage feeds and still sees it."""

    def __init__(self, interaction: Interaction, channel: Place, command_id: int | None = None) -> None:
        super().__init__(interaction, command_id)
        self.channel = channel

    async def check(self, interaction: Interaction) -> None:
        await super().check(interaction)
        await require_view(interaction, self.channel.id)

    async def change(self, interaction: Interaction, preference: Preference, value: str | int | None) -> None:
        """Set a preference of the channel."""
        await interaction.client.store.preferences.change(
            preference,
            value,
            server_id=self.channel.guild.id,
            channel_id=self.channel.id,
            person_id=interaction.user.id,
        )


def headed(title: str, *lines: str) -> Text:
    """The heading of a card, and lines below it, of which some may be empty."""
    return text("\n".join(filter(None, (f"### {title}", *lines))))


def setting(name: str, value: str = "", change: Item | None = None) -> Section:
    """A setting and its value, a line or several of markup, with the button that changes it.

    Without a value where a menu below shows it.
    """
    lines = (f"**{name}**", *(f"-# {line}" for line in value.splitlines()))
    return Section((text("\n".join(lines)),), change)


def options(
    chosen: T | None, values: Iterable[T], label: Callable[[T], str], otherwise: str
) -> list[discord.SelectOption]:
    """Options of a menu, after that of choosing nothing; what holds is marked."""
    return [
        discord.SelectOption(label=otherwise, value=NONE, default=chosen is None),
        *(
            discord.SelectOption(label=label(value), value=str(value), default=value == chosen)
            for value in values
        ),
    ]


def number(values: list[str]) -> int | None:
    """The number that was chosen of such options; None for nothing."""
    return None if values[0] == NONE else int(values[0])
