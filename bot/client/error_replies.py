"""Error messages to the user of a command, button or modal (form), in the user's language."""

import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
from discord import app_commands

from bot.client import interaction_context
from bot.core import i18n
from bot.core.i18n import _, format_number, ngettext
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording import refusal_sentences
from bot.posting.wording.permission_labels import permission_label
from bot.store import DatabaseBroken, DatabaseFault

log = logging.getLogger(__name__)

_NO_ANSWER_ERRORS = (discord.DiscordServerError, aiohttp.ClientError, TimeoutError)
"""Types of the errors of a request that Discord did not answer; requests to other hosts raise none of them here."""
_UNKNOWN_INTERACTION_CODE = 10062
"""Discord's error code for an interaction that it no longer knows, as it was not acknowledged in time."""


def set_reply_language(interaction: discord.Interaction[Any]) -> None:
    """Set the language of this task to the user's, else to that of a server with the bot, else to the configured one.

    A language that Telex does not speak is passed over.
    """
    user_language = i18n.supported_language(str(interaction.locale))
    is_bot_in_server = (
        interaction.guild_locale is not None and interaction_context.get_home_server(interaction) is not None
    )
    server_language = i18n.supported_language(str(interaction.guild_locale)) if is_bot_in_server else None
    i18n.set_language(user_language or server_language or interaction.client.services.settings.language)


@asynccontextmanager
async def error_boundary(interaction: discord.Interaction[Any]) -> AsyncIterator[None]:
    """Set the language in which the user gets replies, and report errors of the `with` block, which end there.

    It is for callbacks of views, modals and dynamic items; the command tree does both for the callbacks of commands.
    """
    set_reply_language(interaction)
    try:
        yield
    except Exception as error:  # noqa: BLE001  # reported to the user, and logged
        await report_error(interaction, error)


async def report_error(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Send the message for an error to the user only, and log unexpected errors; only log an expired interaction."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original if isinstance(error.original, Exception) else error
    if isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION_CODE:
        log.warning("interaction expired label=%s", _format_interaction_label(interaction))
        return
    sentence = build_error_sentence(error, _format_interaction_label(interaction))
    try:
        if interaction.response.is_done():
            await interaction.followup.send(sentence, ephemeral=True)
        else:
            await interaction.response.send_message(sentence, ephemeral=True)
    except DISCORD_ERRORS as send_error:
        log.warning("error reply failed error=%s", send_error)


def build_error_sentence(error: Exception, log_label: str) -> str:
    """Return the sentence that tells the user of an error.

    An unexpected error is logged with a number, which the sentence contains, and `log_label`; a request that Discord
    did not answer is logged without one.
    """
    sentence = refusal_sentences.find_error_sentence(error) or _find_expected_error_sentence(error)
    if isinstance(error, _NO_ANSWER_ERRORS):
        log.warning("discord gave no answer label=%s error=%r", log_label, error)
    if sentence is not None:
        return sentence
    error_number = secrets.token_hex(4)
    log.error("unexpected error number=%s label=%s", error_number, log_label, exc_info=error)
    return _(
        "Something went wrong on my side. If it keeps happening, give whoever runs this bot the number `{number}`."
    ).format(number=error_number)


def _find_expected_error_sentence(error: Exception) -> str | None:
    """Return the sentence that tells the user of an expected error, or None for an unexpected error."""
    match error:
        case DatabaseFault():
            return _describe_database_fault(error)
        case app_commands.CommandOnCooldown():
            wait_seconds = max(1, round(error.retry_after))
            return ngettext(
                "Not so fast! Try again in {seconds} second.",
                "Not so fast! Try again in {seconds} seconds.",
                wait_seconds,
            ).format(seconds=format_number(wait_seconds))
        case app_commands.MissingPermissions():
            permission_names = ", ".join(map(permission_label, error.missing_permissions))
            return _("You need the {permissions} permission for this.").format(permissions=permission_names)
        case app_commands.TransformerError():
            return _("I don’t understand “{value}”.").format(value=str(error.value)[:100])
        case _ if isinstance(error, _NO_ANSWER_ERRORS):
            return _("Discord didn’t answer. Try again in a minute.")
    sentence_by_error_type = {
        app_commands.NoPrivateMessage: _("This only works in a server."),
        app_commands.CommandNotFound: _("This command has changed. Try again in a few minutes."),
        app_commands.CommandSignatureMismatch: _("This command has changed. Try again in a few minutes."),
        app_commands.CheckFailure: _("You can’t use this here."),
    }
    return next(
        (sentence for error_type, sentence in sentence_by_error_type.items() if isinstance(error, error_type)),
        None,
    )


def _describe_database_fault(fault: DatabaseFault) -> str:
    if isinstance(fault, DatabaseBroken):
        return _("My database is damaged, so that didn’t go through. Whoever runs this bot has to restore a backup.")
    return _(
        "I can’t save anything right now, so that didn’t go through. I’ve told whoever runs this bot. Try again later."
    )


def _format_interaction_label(interaction: discord.Interaction[Any]) -> str:
    """Return the command and the server of an interaction for the log, without any input of the user."""
    command_name = interaction.command.qualified_name if interaction.command else None
    interaction_data: Mapping[str, Any] = dict(interaction.data or {})
    custom_id = interaction_data.get("custom_id")
    return f"{command_name or custom_id or interaction.type.name} in server {interaction.guild_id}"
