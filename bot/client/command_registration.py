"""Registration of the commands with Discord: their translated names, detection of changes, and mentions."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.core import i18n
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store import DatabaseFault, Store

if TYPE_CHECKING:
    from discord.types.command import ApplicationCommand

log = logging.getLogger(__name__)

_MAX_TEXT_LENGTH = 100
"""Maximum number of characters of a description or choice (Discord's reference, "Application Commands")."""
_SUPPORTED_LOCALES = frozenset(locale for locale in discord.Locale if i18n.supported_language(str(locale)))
_SUBCOMMAND_TYPES = {
    discord.AppCommandOptionType.subcommand.value,
    discord.AppCommandOptionType.subcommand_group.value,
}
REGISTERED_HASH_KEY = "commands"
"""Key in the database table `meta` of the hash of the registered commands."""
_OWNER_SERVER_KEY = "owner server"
"""Key in the database table `meta` of the id of the server with the operator's commands, empty for none."""


class CommandTranslator(app_commands.Translator):
    """Translator of names, descriptions, choices and menu entries of commands into users' languages."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the translation of a text, or None if Discord should show the English text."""
        if locale not in _SUPPORTED_LOCALES:  # Nine in ten of the thousands of calls by discord.py
            return None
        return translate_for_tag(string.message, str(locale), context)


def translate_for_tag(text: str, locale_tag: str, context: app_commands.TranslationContextTypes) -> str | None:
    """Return the translation of a text for a locale tag such as `fr`, or None if it equals the English text.

    A translation that is longer than Discord accepts is logged, and None is returned.
    """
    locations = app_commands.TranslationContextLocation
    language = i18n.supported_language(locale_tag)
    if language is None or not text:
        return None
    catalogue, command_or_parameter = i18n.load_catalogue(language), context.data
    if isinstance(command_or_parameter, app_commands.Command | app_commands.Group) and context.location in {
        locations.command_name,
        locations.group_name,
    }:
        translated_path = catalogue.pgettext(i18n.COMMAND_CONTEXT, f"/{command_or_parameter.qualified_name}")
        translation = translated_path.rpartition(" ")[2].removeprefix("/")
    elif context.location is locations.parameter_name:
        translation = catalogue.pgettext(i18n.OPTION_CONTEXT, text)
    else:
        translation = catalogue.gettext(text)
    if translation == text:
        return None
    if len(translation) > _MAX_TEXT_LENGTH:
        log.error("command translation too long language=%s text=%s", language, translation)
        return None
    return translation


async def register_commands(tree: app_commands.CommandTree, store: Store) -> tuple[bool, Mapping[str, str]]:
    """Register the commands of a tree if they, or those that Discord lists, have changed since the last time.

    Return whether the commands were sent, and the mentions of the commands that Discord lists. If Discord
    rejects the commands or does not answer, that is logged, and the commands registered before stay. Raises StoreError.
    """
    translator = CommandTranslator()
    await tree.set_translator(translator)
    command_payloads = [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]
    application_id, http_client = tree.client.application_id, tree.client.http
    assert application_id is not None  # The client is logged in.
    registered_commands: Sequence[ApplicationCommand] = ()
    try:
        registered_commands = await http_client.get_global_commands(application_id)
        stored_hash = await store.meta.get(REGISTERED_HASH_KEY)
        if stored_hash == _compute_registration_hash(command_payloads, registered_commands):
            return False, build_command_mentions(registered_commands)
        registered_commands = await http_client.bulk_upsert_global_commands(application_id, command_payloads)
    except DISCORD_ERRORS:
        log.exception("command registration failed")
        return False, build_command_mentions(registered_commands)
    with suppress(DatabaseFault):  # They are registered again at the next start.
        await store.meta.set(REGISTERED_HASH_KEY, _compute_registration_hash(command_payloads, registered_commands))
    log.log(logging.INFO if stored_hash else logging.DEBUG, "commands registered count=%d", len(command_payloads))
    return True, build_command_mentions(registered_commands)


async def register_owner_commands(tree: app_commands.CommandTree, store: Store, owner_server_id: int | None) -> None:
    """Register the commands of the operator's server, and remove them from the server that had them before.

    `owner_server_id` is None if no server has such commands. Errors of Discord are logged. Raises StoreError.
    """
    stored_server_id = await store.meta.get(_OWNER_SERVER_KEY)
    server_ids = {server_id for server_id in (stored_server_id and int(stored_server_id), owner_server_id) if server_id}
    for server_id in server_ids:
        try:
            await tree.sync(guild=discord.Object(server_id))
        except (discord.Forbidden, discord.NotFound) as error:  # The bot is not in the server, and joining registers.
            log.warning("owner commands not registered server_id=%d error=%s", server_id, error)
        except DISCORD_ERRORS:
            log.exception("owner command registration failed server_id=%d", server_id)
            return
    if owner_server_id is not None or stored_server_id:
        with suppress(DatabaseFault):
            await store.meta.set(_OWNER_SERVER_KEY, str(owner_server_id or ""))


def _compute_registration_hash(command_payloads: object, registered_commands: Sequence[ApplicationCommand]) -> str:
    """Return a hash of the commands as they are sent and of the ids and versions that Discord lists."""
    field_names = ("id", "version", "name", "description")
    command_versions = sorted(
        [command.get(field_name) for field_name in field_names] for command in registered_commands
    )
    return hashlib.sha256(json.dumps([command_payloads, command_versions], sort_keys=True).encode()).hexdigest()


def build_command_mentions(registered_commands: Sequence[ApplicationCommand]) -> dict[str, str]:
    """Return the clickable mentions of commands by path, such as `/feed add`; command groups have none."""
    mention_by_path = {}
    for command in registered_commands:
        command_name, command_id = command["name"], command["id"]
        options: Any = command.get("options", ())
        subcommands = [option["name"] for option in options if option["type"] in _SUBCOMMAND_TYPES]
        mention_by_path.update(
            {
                f"/{command_name} {subcommand}": f"</{command_name} {subcommand}:{command_id}>"
                for subcommand in subcommands
            }
        )
        if not subcommands and command["type"] == discord.AppCommandType.chat_input.value:
            mention_by_path[f"/{command_name}"] = f"</{command_name}:{command_id}>"
    return mention_by_path
