"""README and docs/operating.md: settings, commands, pictures and permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import discord
import typer
from discord import app_commands

import cogs
from bot.cli.main import app
from bot.client.discord_client import INTENTS
from bot.core.configuration.settings_reading import SETTING_FIELDS
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.cases import check_cases

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
ROWS = [line for line in OPERATING.splitlines() if line.startswith("|")]


def list_first_cells() -> list[str]:
    return [row.split("|")[1].strip() for row in ROWS]


def list_setting_names() -> list[str]:
    return ["DISCORD_TOKEN" if name == "discord_token" else f"TELEX_{name.upper()}" for name in SETTING_FIELDS]


def test_every_setting_is_documented_with_its_description():
    rows = {row.split("|")[1].strip(" `"): row for row in ROWS}
    for name, field in zip(list_setting_names(), SETTING_FIELDS.values(), strict=True):
        assert name in rows, f"{name} is missing from the table of settings in docs/operating.md"
        assert field.metadata["description"] in rows[name]


def test_documented_settings_exist():
    documented_settings = {cell.strip("`") for cell in list_first_cells() if cell.startswith(("`TELEX_", "`DISCORD_"))}
    assert documented_settings == set(list_setting_names())


def test_every_terminal_command_is_documented():
    command = typer.main.get_command(app)
    names = set(command.commands)  # type: ignore[attr-defined]  # a group
    documented_commands = {cell.strip("`").split()[1] for cell in list_first_cells() if cell.startswith("`telex ")}
    assert documented_commands == names


def test_help_texts_name_existing_commands():
    root = typer.main.get_command(app)
    names = set(root.commands)  # type: ignore[attr-defined]  # a group
    pending, named_commands = [root], set()
    while pending:
        command = pending.pop()
        pending += getattr(command, "commands", {}).values()
        texts = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
        named_commands |= {name for text in texts for name in re.findall(r"`telex ([\w-]+)", text)}
    assert named_commands
    assert named_commands <= names


def list_discord_commands() -> Iterator[str]:
    for cog in cogs.ALL_COGS:
        group = f"{cog.__cog_group_name__} " if cog.__cog_is_app_commands_group__ else ""
        for command in cog.__cog_app_commands__:
            assert not isinstance(command, app_commands.Group)
            yield f"/{group}{command.name}"


def test_readme_names_existing_commands():
    readme_commands = set(re.findall(r"`(/[a-z]+(?: [a-z]+)?)`", README))
    assert readme_commands
    assert readme_commands <= set(list_discord_commands())


def test_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_readme_client_requests_no_privileged_intent():
    privileged = discord.Intents(members=True, presences=True, message_content=True)
    assert not INTENTS.value & privileged.value


@check_cases("picture", ["post", "search", "ask"])
def test_pictures_of_readme_exist(picture):
    assert f"docs/pictures/{picture}.png" in README
    assert (ROOT / "docs" / "pictures" / f"{picture}.png").stat().st_size > 5_000


def test_invitation_requests_documented_permissions():
    assert f"permissions={INVITE_PERMISSIONS.value}`" in README
