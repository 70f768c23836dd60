"""What Discord is told of the bot's commands in all its languages, made and registered once and not for every bot.

discord.py asks for each text in each of its thirty-odd languages, twice a start.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

import discord
from discord import app_commands
from simcord.env import Env

import cogs
from bot.client import command_registration
from bot.client.command_registration import REGISTERED_HASH_KEY, CommandTranslator
from bot.client.command_tree import COMMAND_CONTEXTS, COMMAND_INSTALLATIONS
from bot.core.i18n import load_catalogue
from bot.store import Store

_translated_payloads: dict[tuple[object, ...], bytes] = {}
_registrations: dict[tuple[object, ...], Registration] = {}


@contextmanager
def cache_translations() -> Iterator[None]:
    """Within the block commands are translated as they were before, if they were."""

    def once(kind: type[Any]) -> Any:
        original = kind.get_translated_payload

        async def payload(command: Any, tree: Any, translator: app_commands.Translator) -> dict[str, Any]:
            key = (kind, command.qualified_name, type(translator), load_catalogue("fr"))
            if key not in _translated_payloads:
                _translated_payloads[key] = pickle.dumps(await original(command, tree, translator))
            translated: dict[str, Any] = pickle.loads(_translated_payloads[key])
            return translated

        return mock.patch.object(kind, "get_translated_payload", payload)

    with ExitStack() as stack:
        for kind in (app_commands.Group, app_commands.ContextMenu, app_commands.Command):
            stack.enter_context(once(kind))
        yield


class Registration(NamedTuple):
    """What came of registering commands: what the bot was told of them, its hash, and what simcord holds then."""

    outcome: tuple[bool, Mapping[str, str]]
    stored_hash: str
    commands: dict[tuple[str, int], dict[str, Any]]


@contextmanager
def reuse_registration(env: Env) -> Iterator[None]:
    """Within the block a bot's commands are registered as those of an earlier bot were, if it had the same."""
    register = command_registration.register_commands

    async def register_once(tree: app_commands.CommandTree, store: Store) -> tuple[bool, Mapping[str, str]]:
        key = (load_catalogue("fr"), *(command.qualified_name for command in tree.get_commands()))
        if key not in _registrations:
            outcome = await register(tree, store)
            _registrations[key] = Registration(
                outcome, await store.meta.get(REGISTERED_HASH_KEY) or "", env.backend.commands[None]
            )
        registration = _registrations[key]
        env.backend.commands[None] = {name: dict(command) for name, command in registration.commands.items()}
        await store.meta.set(REGISTERED_HASH_KEY, registration.stored_hash)
        return registration.outcome

    with cache_translations(), mock.patch.object(command_registration, "register_commands", register_once):
        yield


async def translate_all() -> None:
    """Translate the commands of all cogs, for the processes that are forked from this one."""
    async with discord.Client(intents=discord.Intents.none()) as client:
        tree = app_commands.CommandTree(
            client, allowed_contexts=COMMAND_CONTEXTS, allowed_installs=COMMAND_INSTALLATIONS
        )
        for cog in cogs.ALL_COGS:
            for command in cog.__cog_app_commands__:
                await command.get_translated_payload(tree, CommandTranslator())
