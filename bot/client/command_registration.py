"""The commands as Discord has them: their names in each language, their registration, and their mentions."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import app_commands

from bot.core import i18n
from bot.store import DatabaseFault, Store

if TYPE_CHECKING:
    from discord.types.command import ApplicationCommand

log = logging.getLogger(__name__)

_LONGEST_TEXT = 100  # of a description or a choice, by Discord's reference of application commands
_SUPPORTED_LOCALES = frozenset(each for each in discord.Locale if i18n.supported_language(str(each)))
_SUBCOMMANDS = {
    discord.AppCommandOptionType.subcommand.value,
    discord.AppCommandOptionType.subcommand_group.value,
}
_REGISTERED = "commands"  # the name of their digest in the store
_DISCORD_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError)


class Translator(app_commands.Translator):
    """Names, descriptions, choices and menu entries in the language that a person's Discord speaks."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The text in that language, or None where Discord shall show the English one."""
        if locale not in _SUPPORTED_LOCALES:  # nine in ten of the thousands that discord.py asks for
            return None
        return translate_for_tag(string.message, str(locale), context)


def translate_for_tag(text: str, tag: str, context: app_commands.TranslationContextTypes) -> str | None:
    """What `Translator` answers for a text and a locale tag such as `fr`."""
    where = app_commands.TranslationContextLocation
    language = i18n.supported_language(tag)
    if language is None or not text:
        return None
    catalogue, data = i18n.load_catalogue(language), context.data
    if isinstance(data, app_commands.Command | app_commands.Group) and context.location in {
        where.command_name,
        where.group_name,
    }:
        path = catalogue.pgettext(i18n.COMMAND, f"/{data.qualified_name}")
        translated = path.rpartition(" ")[2].removeprefix("/")
    elif context.location is where.parameter_name:
        translated = catalogue.pgettext(i18n.OPTION, text)
    else:
        translated = catalogue.gettext(text)
    if translated == text:
        return None
    if len(translated) > _LONGEST_TEXT:
        log.error("Too long for Discord in %s: %s", language, translated)
        return None
    return translated


async def register(tree: app_commands.CommandTree, store: Store) -> tuple[bool, Mapping[str, str]]:
    """Register the commands of a tree where they, or those that Discord lists, changed since they were last.

    Return whether they were sent, and the mentions of those that Discord has, as far as it lists them. A
    refusal is logged, and the commands registered before stay.
    """
    translator = Translator()
    await tree.set_translator(translator)
    payload = [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]
    application_id, http = tree.client.application_id, tree.client.http
    assert application_id is not None  # the client is logged in
    listed: Sequence[ApplicationCommand] = ()
    try:
        listed = await http.get_global_commands(application_id)
        registered = await store.meta.get(_REGISTERED)
        if registered == _digest(payload, listed):
            return False, command_mentions(listed)
        listed = await http.bulk_upsert_global_commands(application_id, payload)
    except _DISCORD_ERRORS:
        log.exception("Discord did not take the commands; those registered before stay")
        return False, command_mentions(listed)
    with suppress(DatabaseFault):  # then they are registered again next time
        await store.meta.set(_REGISTERED, _digest(payload, listed))
    log.log(logging.INFO if registered else logging.DEBUG, "Registered %d commands", len(payload))
    return True, command_mentions(listed)


def _digest(payload: object, listed: Sequence[ApplicationCommand]) -> str:
    """Identify what was sent and what Discord made of it: each change gives a command another version."""
    parts = ("id", "version", "name", "description")
    versions = sorted([command.get(part) for part in parts] for command in listed)
    return hashlib.sha256(json.dumps([payload, versions], sort_keys=True).encode()).hexdigest()


def command_mentions(listed: Sequence[ApplicationCommand]) -> dict[str, str]:
    """Return what shows each command so that it can be clicked, by its path. Groups cannot be."""
    paths = {}
    for command in listed:
        name, id_ = command["name"], command["id"]
        options: Any = command.get("options", ())
        parts = [option["name"] for option in options if option["type"] in _SUBCOMMANDS]
        paths.update({f"/{name} {part}": f"</{name} {part}:{id_}>" for part in parts})
        if not parts and command["type"] == discord.AppCommandType.chat_input.value:
            paths[f"/{name}"] = f"</{name}:{id_}>"
    return paths
