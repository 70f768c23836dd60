"""Who may manage what a server follows (Manage Server, a role, its own settings), and who left a server."""

from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.text import safe
from cogs.shared.views import AskerLayout, Interaction

Override = app_commands.AppCommandPermissions
T = TypeVar("T")

in_servers = app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
"""For commands that make no sense in a direct message. (`guild_only` leaves the tree's defaults in force.)"""

_installs = app_commands.allowed_installs(guilds=True, users=True)
_contexts = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)


def anywhere(command: T) -> T:
    """For commands that a person can also take along: into any server, direct messages and groups."""
    return _installs(_contexts(command))


FOR_MANAGERS = {"managers": True}
"""Extras of a command or group for those who may manage feeds.

Discord offers it to everybody and the bot refuses the others: with default permissions Discord would hide it
from a role that the server chose, and only a person's own token can tell Discord to show it.
"""

_ASK_AGAIN = 60.0  # seconds
_MOST_KEPT = 5_000  # servers and commands
_ROLE = 100  # characters of a name
_COMMAND = "command"  # of the extras of a click: the id of the command whose panel it is on


class Rights(commands.Cog):
    """Remembers for a minute what servers' settings (Integrations) say of commands, and the commands' ids."""

    def __init__(self, bot: Telex) -> None:
        self._bot = bot
        self._clock = bot.newsroom.clock
        self._known: dict[tuple[int, int], tuple[float, list[Override]]] = {}
        self._commands: dict[str, app_commands.AppCommand] = {}

    @commands.Cog.listener()
    async def on_raw_app_command_permissions_update(
        self, payload: discord.RawAppCommandPermissionsUpdateEvent
    ) -> None:
        """A server's settings changed."""
        self._known.pop((payload.guild.id, payload.target_id), None)

    async def overrides(self, guild: discord.Guild, command_id: int) -> list[Override]:
        """What a server's settings say of a command; empty where nothing or Discord does not tell."""
        now = self._clock.monotonic()
        asked, known = self._known.get((guild.id, command_id), (-_ASK_AGAIN, []))
        if now - asked < _ASK_AGAIN:
            return known
        try:
            command = await self._command(command_id)
            found = (await command.fetch_permissions(guild)).permissions if command is not None else []
        except discord.NotFound:  # 10066: the server changed nothing
            found = []
        except discord.HTTPException:
            return []
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[guild.id, command_id] = now, found
        return found

    async def command_id(self, name: str) -> int | None:
        """The id of a command or group of commands by its name; None where Discord does not tell."""
        if name not in self._commands:
            try:
                await self._learn()
            except discord.HTTPException:
                return None
        command = self._commands.get(name)
        return None if command is None else command.id

    async def _command(self, command_id: int) -> app_commands.AppCommand | None:
        if all(command.id != command_id for command in self._commands.values()):
            await self._learn()
        return next((one for one in self._commands.values() if one.id == command_id), None)

    async def _learn(self) -> None:
        self._commands = {command.name: command for command in await self._bot.tree.fetch_commands()}


async def may_manage(interaction: Interaction, command_id: int | None) -> bool:
    """Whether the asker may use a command for those who manage feeds, with rights as they are now.

    They have Manage Server, or the role that the server chose. A server can also open such a command to a
    person or a role, or close it, in its settings (Integrations), which come before the role. Discord looks
    at them when a command is sent and not when a button is clicked; we ask for them only where the person
    lacks Manage Server.
    """
    guild, member = interaction_places.server(interaction), interaction_places.member(interaction)
    if guild is None or member is None:
        return False
    if may_govern(interaction):
        return True
    rights = interaction.client.get_cog(Rights.__name__)
    if command_id is not None and isinstance(rights, Rights):
        opened = opened_to(member, await rights.overrides(guild, command_id))
        if opened is not None:
            return opened
    chosen = (await interaction.client.store.preferences.of_server(guild.id)).manager_role
    return chosen is not None and any(role.id == chosen for role in member.roles)


async def may_manage_with(interaction: Interaction, name: str) -> bool:
    """Whether the asker may use the command for those who manage feeds that has this name."""
    rights = interaction.client.get_cog(Rights.__name__)
    assert isinstance(rights, Rights)
    needed = not may_govern(interaction) and interaction_places.server(interaction) is not None
    return await may_manage(interaction, await rights.command_id(name) if needed else None)


def may_govern(interaction: Interaction) -> bool:
    """Whether the asker has Manage Server itself."""
    return interaction.permissions.manage_guild or interaction.permissions.administrator


def opened_to(member: discord.Member, overrides: list[Override]) -> bool | None:
    """What the overrides of a command say of a member: their own first, then their roles', then everyone's.

    None where they say nothing. Nor does it say anything that everyone is let in, as Discord's settings show
    of a command without default permissions from the start.
    https://support.discord.com/hc/en-us/articles/4644915651095-Command-Permissions
    """
    kinds = discord.AppCommandPermissionType
    own = [one.permission for one in overrides if one.type is kinds.user and one.id == member.id]
    if own:
        return all(own)
    held = {role.id for role in member.roles if role.id != member.guild.id}
    roles = [one.permission for one in overrides if one.type is kinds.role and one.id in held]
    if roles:
        return any(roles)
    everyone = [one for one in overrides if one.type is kinds.role and one.id == member.guild.id]
    return False if any(not one.permission for one in everyone) else None


async def require_manage(interaction: Interaction, command_id: int | None) -> None:
    """Raise `NotForYou` unless the asker may manage the server's feeds."""
    if not await may_manage(interaction, command_id):
        raise await _not_for_you(interaction)


async def require_manage_with(interaction: Interaction, name: str) -> None:
    """Raise `NotForYou` unless the asker may use the command for those who manage feeds of this name."""
    if not await may_manage_with(interaction, name):
        raise await _not_for_you(interaction)


class ManagersOnly:
    """Of a group of commands: for those who may manage the server's feeds, whatever Discord lets through."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        await require_manage(interaction, interaction.command_id)
        return True


class ManagersLayout(AskerLayout):
    """A panel of such a command, or one that a click on such a panel opens."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._command_id: int | None = interaction.extras.get(_COMMAND, interaction.command_id)

    @property
    def guild(self) -> discord.Guild:
        """The server in which it was opened: such commands are for servers."""
        assert self.asked.guild is not None
        return self.asked.guild

    async def check(self, interaction: Interaction) -> None:
        interaction.extras[_COMMAND] = self._command_id
        await require_manage(interaction, self._command_id)


class NotForYou(app_commands.CheckFailure, Refusal):
    """Someone lacks what managing feeds takes. A failed check too: a command's checks may raise it."""


async def _not_for_you(interaction: Interaction) -> NotForYou:
    """The refusal, with the role that would do as well where the server chose one that the asker lacks."""
    guild = interaction_places.server(interaction)
    if guild is None:
        return NotForYou(_("This only works in a server."))
    chosen = (await interaction.client.store.preferences.of_server(guild.id)).manager_role
    role = guild.get_role(chosen) if chosen is not None else None
    permission = _("Manage Server")
    if role is None or (isinstance(interaction.user, discord.Member) and role in interaction.user.roles):
        return NotForYou(_("You need the {permissions} permission for this.").format(permissions=permission))
    return NotForYou(
        _("You need the {permission} permission or the role {role} for this.").format(
            permission=permission, role=f"**{safe.line(role.name, _ROLE)}**"
        )
    )


async def hidden_servers(interaction: Interaction) -> set[int]:
    """Servers that the asker left and made bookmarks in: what they kept there is not shown to them.

    Asked anew each time; a server that Telex itself is no longer in cannot be asked and hides nothing.
    """
    servers = await interaction.client.store.bookmarks.servers(interaction.user.id)
    return {
        server_id
        for server_id in servers - {interaction_places.server_id(interaction)}
        if await _has_left(interaction.client, server_id, interaction.user.id)
    }


async def _has_left(bot: Telex, server_id: int, person_id: int) -> bool:
    guild = bot.get_guild(server_id)
    try:
        if guild is None and not bot.store.shards.has(server_id):  # another process serves it
            guild = await bot.fetch_guild(server_id, with_counts=False)
    except (discord.Forbidden, discord.NotFound):
        return False
    except discord.HTTPException:
        return True
    if guild is None:
        return False
    try:
        await guild.fetch_member(person_id)
    except discord.HTTPException:  # 10007: no member; anything else: not known to be one
        return True
    return False
