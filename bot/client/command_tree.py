"""The tree of commands: who may use one where, how much of it, in which language; and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.client import interaction_places
from bot.client.error_answers import report, speak_to

if TYPE_CHECKING:
    from bot.client.discord_client import Telex

AT_ONCE, PERIOD = 30, 30.0  # what a person may ask at once, and seconds until all of that is back
KEYSTROKES = 60
OWN_REPLY = "own_reply"
"""An extra of commands that others may read the answer of."""


class Tree(app_commands.CommandTree["Telex"]):
    """The commands: each is answered in its asker's language, and every error in words."""

    async def interaction_check(self, interaction: discord.Interaction[Telex], /) -> bool:
        """Set the language of the answer; refuse who asks from where the command is not offered; acknowledge.

        What is answered is for the asker alone, unless the command has `OWN_REPLY` among its extras and
        acknowledges by itself. Discord refuses too. A forged request is answered all the same, before it can
        meet a command that relies on there being a server and a member of it.
        """
        speak_to(interaction)
        if interaction.type is discord.InteractionType.autocomplete:
            return _is_offered(interaction) and interaction.client.takes_keystroke(interaction.user.id)
        if not _is_offered(interaction):
            raise app_commands.NoPrivateMessage
        slow_down(interaction)
        if interaction.command is None or OWN_REPLY not in interaction.command.extras:
            await interaction.response.defer(ephemeral=True, thinking=True)
        return True

    async def on_error(
        self, interaction: discord.Interaction[Telex], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person."""
        await report(interaction, error)


def _is_offered(interaction: discord.Interaction[Any]) -> bool:
    """Whether a command works where it was sent from: a server of ours, direct messages, anywhere else."""
    if interaction_places.server(interaction) is not None:
        return isinstance(interaction.user, discord.Member)
    command: Any = interaction.command
    if isinstance(command, app_commands.Command) and command.root_parent is not None:
        command = command.root_parent
    if command is None:
        return True
    if interaction_places.is_direct(interaction):
        return command.allowed_contexts is None or command.allowed_contexts.dm_channel is not False
    return command.allowed_installs is not None and command.allowed_installs.user


def slow_down(interaction: discord.Interaction[Telex]) -> None:
    """Count what a person asks of the bot. Raises `CommandOnCooldown` for more than anybody's share."""
    pace = interaction.client.pace
    if wait := pace.wait(interaction.user.id):
        raise app_commands.CommandOnCooldown(app_commands.Cooldown(AT_ONCE, PERIOD), wait)
    pace.take(interaction.user.id)
