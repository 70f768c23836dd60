"""What Discord is told of the bot's commands in all its languages, made once and not for every bot.

discord.py asks for each text in each of its thirty-odd languages, twice a start.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import discord
from discord import app_commands

import cogs
from bot.client.command_registration import CommandTranslator
from bot.core.i18n import load_catalogue

_translated_payloads: dict[tuple[object, ...], bytes] = {}


@contextmanager
def cache_translations() -> Iterator[None]:
    """Within the block commands are translated as they were before, if they were."""

    def once(kind: type[Any]) -> Any:
        original = kind.get_translated_payload

        async def payload(command: Any, tree: Any, translator: app_commands.Translator) -> dict[str, Any]:
            plain = json.dumps(command.to_dict(tree), sort_keys=True)
            key = (kind, command.qualified_name, plain, type(translator), load_catalogue("fr"))
            if key not in _translated_payloads:
                _translated_payloads[key] = pickle.dumps(await original(command, tree, translator))
            translated: dict[str, Any] = pickle.loads(_translated_payloads[key])
            return translated

        return mock.patch.object(kind, "get_translated_payload", payload)

    with ExitStack() as stack:
        for kind in (app_commands.Group, app_commands.ContextMenu, app_commands.Command):
            stack.enter_context(once(kind))
        yield


async def translate_all() -> None:
    """Translate the commands of all cogs, for the processes that are forked from this one."""
    async with discord.Client(intents=discord.Intents.none()) as client:
        tree = app_commands.CommandTree(client)
        for cog in cogs.ALL_COGS:
            for command in cog.__cog_app_commands__:
                await command.get_translated_payload(tree, CommandTranslator())
