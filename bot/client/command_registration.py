"""The commands as Discord has them: their names in each language, their registration, and their mentions."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

import aiohttp
import discord
from discord import app_commands

from bot.core import locale
from bot.store import DatabaseFault, Store

log = logging.getLogger(__name__)

_LONGEST_TEXT = 100  # of a description or a choice, by Discord's reference of application commands
_SPOKEN = frozenset(each for each in discord.Locale if locale.supported(str(each)))
_FAULTS = (discord.DiscordException, aiohttp.ClientError, TimeoutError)


class Translator(app_commands.Translator):
    """Names, descriptions, choices and menu entries in the language that a person's Discord speaks."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The text in that language, or None where Discord shall show the English one."""
        if locale not in _SPOKEN:  # nine in ten of the thousands that discord.py asks for
            return None
        return translation(string.message, str(locale), context)


def translation(text: str, tag: str, context: app_commands.TranslationContextTypes) -> str | None:
    """What `Translator` answers for a text and a locale tag such as `fr`."""
    where = app_commands.TranslationContextLocation
    language = locale.supported(tag)
    if language is None or not text:
        return None
    catalogue, data = locale.catalogue(language), context.data
    if isinstance(data, app_commands.Command | app_commands.Group) and context.location in {
        where.command_name,
        where.group_name,
    }:
        path = catalogue.pgettext(locale.COMMAND, f"/{data.qualified_name}")
        translated = path.rpartition(" ")[2].removeprefix("/")
    elif context.location is where.parameter_name:
        translated = catalogue.pgettext(locale.OPTION, text)
    else:
        translated = catalogue.gettext(text)
    if translated == text:
        return None
    if len(translated) > _LONGEST_TEXT:
        log.error("Too long for Discord in %s: %s", language, translated)
        return None
    return translated


async def register(tree: app_commands.CommandTree, store: Store) -> tuple[bool, Mapping[str, str]]:
    """Register the commands of a tree, only when they differ from what was registered last.

    Returns whether they were sent, and the mentions of those that Discord has, as far as it tells. A refusal
    is logged, and the commands registered before stay.
    """
    translator = Translator()
    await tree.set_translator(translator)
    payload = [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]
    described = json.dumps([tree.client.application_id, payload], sort_keys=True)
    digest = hashlib.sha256(described.encode()).hexdigest()
    if await store.meta.get("commands") == digest:
        return False, await _known(tree)
    try:
        registered = await tree.sync()
    except _FAULTS:
        log.exception("Discord did not take the commands; those registered before stay")
        return False, await _known(tree)
    with suppress(DatabaseFault):  # then they are registered again next time
        await store.meta.set("commands", digest)
    log.info("Registered %d commands", len(payload))
    return True, mentions(registered)


async def _known(tree: app_commands.CommandTree) -> dict[str, str]:
    try:
        return mentions(await tree.fetch_commands())
    except _FAULTS:
        return {}


def mentions(registered: Sequence[app_commands.AppCommand]) -> dict[str, str]:
    """What shows each command so that it can be clicked, by its path. Groups cannot be."""
    found = {}
    for command in registered:
        groups = [each for each in command.options if isinstance(each, app_commands.AppCommandGroup)]
        found.update({f"/{each.qualified_name}": each.mention for each in groups})
        if not groups and command.type is discord.AppCommandType.chat_input:
            found[f"/{command.name}"] = command.mention
    return found
