"""The tree of commands: who may use one where, how much of it, in which language; and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.client import interaction_context
from bot.client.error_replies import report, set_reply_language

if TYPE_CHECKING:
    from bot.client.discord_client import TelexBot

AT_ONCE, PERIOD = 30, 30.0  # what a person may ask at once, and seconds until all of that is back
AUTOCOMPLETE_BURST = 60
ACKNOWLEDGES_ITSELF = "own_reply"
"""An extra of commands that others may read the answer of."""


class TelexCommandTree(app_commands.CommandTree["TelexBot"]):
    """The commands: each is answered in its asker's language, and every error in words."""

    async def interaction_check(self, interaction: discord.Interaction[TelexBot], /) -> bool:
        """Set the language of the answer; refuse who asks from where the command is not offered; acknowledge.

        What is answered is for the asker alone, unless the command has `ACKNOWLEDGES_ITSELF` among its extras
        and acknowledges by itself. Discord refuses too. A forged request is answered all the same, before it
        can meet a command that relies on there being a server and a member of it.
        """
        set_reply_language(interaction)
        if interaction.type is discord.InteractionType.autocomplete:
            return _is_available_here(interaction) and interaction.client.allow_autocomplete(
                interaction.user.id
            )
        if not _is_available_here(interaction):
            raise app_commands.NoPrivateMessage
        enforce_rate_limit(interaction)
        if interaction.command is None or ACKNOWLEDGES_ITSELF not in interaction.command.extras:
            await interaction.response.defer(ephemeral=True, thinking=True)
        return True

    async def on_error(
        self, interaction: discord.Interaction[TelexBot], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person."""
        await report(interaction, error)


def _is_available_here(interaction: discord.Interaction[Any]) -> bool:
    """Whether a command works where it was sent from: a server of ours, direct messages, anywhere else."""
    if interaction_context.home_server(interaction) is not None:
        return isinstance(interaction.user, discord.Member)
    command: Any = interaction.command
    if isinstance(command, app_commands.Command) and command.root_parent is not None:
        command = command.root_parent
    if command is None:
        return True
    if interaction_context.is_dm(interaction):
        return command.allowed_contexts is None or command.allowed_contexts.dm_channel is not False
    return command.allowed_installs is not None and command.allowed_installs.user


def enforce_rate_limit(interaction: discord.Interaction[TelexBot]) -> None:
    """Count what a person asks of the bot. Raises `CommandOnCooldown` for more than anybody's share."""
    pace = interaction.client.user_rate_limiter
    if wait := pace.retry_after(interaction.user.id):
        raise app_commands.CommandOnCooldown(app_commands.Cooldown(AT_ONCE, PERIOD), wait)
    pace.consume(interaction.user.id)
