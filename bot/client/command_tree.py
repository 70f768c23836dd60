"""Tree of all commands, which handles the permission, rate limit, language and errors of each command."""

from __future__ import annotations

from typing import Any, Protocol

import discord
from discord import app_commands

from bot.client import interaction_context
from bot.client.error_replies import report_error, set_reply_language
from bot.core.concurrency.rate_limits import TokenBucket
from bot.posting.sending.send_outcomes import DISCORD_ERRORS

MAX_INTERACTION_BURST = 30
"""Maximum number of interactions per user at once."""
BURST_REFILL_SECONDS = 30.0
"""Time in seconds in which a user's interactions refill from none to `MAX_INTERACTION_BURST`."""
MAX_AUTOCOMPLETE_BURST = 60
"""Maximum number of autocomplete requests per user at once, refilled in `BURST_REFILL_SECONDS`."""
COMMAND_CONTEXTS = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
"""Places where commands that say nothing else are offered: servers and direct messages with the bot."""
COMMAND_INSTALLATIONS = app_commands.AppInstallationType(guild=True, user=False)
"""Installations by which commands that say nothing else are offered: by a server, not by a person."""
DEFERS_ITSELF_KEY = "own_reply"
"""Key in the extras of a command that defers by itself, because its reply may be public.

To defer is to acknowledge an interaction before its reply is ready.
"""


class InteractionLimits(Protocol):
    """Protocol of the client with the limits on users: rates of commands and of autocomplete, and maintenance."""

    user_rate_limiter: TokenBucket

    def allow_autocomplete(self, user_id: int) -> bool:
        """Return whether a user may get another autocomplete reply, and count it."""

    async def require_no_maintenance(self, user: discord.abc.User) -> None:
        """Raise an error with a sentence for the user during maintenance, unless the user is an operator."""


class TelexCommandTree(app_commands.CommandTree[Any]):
    """Tree of all commands, which replies in the user's language and turns every error into a message."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Set the language, reject commands that are not offered here or now, enforce the rate limit, and defer.

        To defer is to acknowledge the command before its reply is ready. The reply is only visible to the
        user unless the command has `DEFERS_ITSELF_KEY` in its extras and defers by itself. Discord also
        rejects commands in the wrong place; this check stops forged requests before they reach a command that
        relies on a server and a member.
        """
        limits: InteractionLimits = interaction.client
        set_reply_language(interaction)
        if interaction.type is discord.InteractionType.autocomplete:
            return _is_available_here(interaction) and limits.allow_autocomplete(interaction.user.id)
        if not _is_available_here(interaction):
            raise app_commands.NoPrivateMessage
        await admit_interaction(limits, interaction.user)
        if interaction.command is None or DEFERS_ITSELF_KEY not in interaction.command.extras:
            try:
                await interaction.response.defer(ephemeral=True, thinking=True)
            except DISCORD_ERRORS as error:  # The tree gives no such error to `on_error`.
                await report_error(interaction, error)
                return False
        return True

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        """Report the error of a command to the user."""
        await report_error(interaction, error)


def _is_available_here(interaction: discord.Interaction[Any]) -> bool:
    """Return whether a command works where it was used: in a server of the bot, a DM, or another place."""
    if interaction_context.get_home_server(interaction) is not None:
        return isinstance(interaction.user, discord.Member)
    command: Any = interaction.command
    if isinstance(command, app_commands.Command) and command.root_parent is not None:
        command = command.root_parent
    if command is None:
        return True
    if interaction_context.is_dm(interaction):
        return command.allowed_contexts is None or command.allowed_contexts.dm_channel is not False
    return command.allowed_installs is not None and command.allowed_installs.user


async def admit_interaction(limits: InteractionLimits, user: discord.abc.User) -> None:
    """Count a user's interaction, or raise `CommandOnCooldown` if it exceeds the rate limit.

    During maintenance, raise an error with a sentence for the user, unless the user is an operator.
    """
    if wait_seconds := limits.user_rate_limiter.retry_after(user.id):
        raise app_commands.CommandOnCooldown(
            app_commands.Cooldown(MAX_INTERACTION_BURST, BURST_REFILL_SECONDS), wait_seconds
        )
    limits.user_rate_limiter.consume(user.id)
    await limits.require_no_maintenance(user)
