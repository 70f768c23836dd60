"""Who may manage what a server follows (Manage Server, a role, its own settings), and who left a server."""

from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.text import discord_text
from cogs.shared.views import Interaction, OwnedView

CommandPermission = app_commands.AppCommandPermissions
T = TypeVar("T")

guild_context_only = app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
"""For commands that make no sense in a direct message. (`guild_only` leaves the tree's defaults in force.)"""

_installs = app_commands.allowed_installs(guilds=True, users=True)
_contexts = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)


def user_installable(command: T) -> T:
    """For commands that a person can also take along: into any server, direct messages and groups."""
    return _installs(_contexts(command))


MANAGER_EXTRAS = {"managers": True}
"""Extras of a command or group for those who may manage feeds.

Discord offers it to everybody and the bot refuses the others: with default permissions Discord would hide it
from a role that the server chose, and only a person's own token can tell Discord to show it.
"""

_CACHE_SECONDS = 60.0  # seconds
_MAX_CACHED = 5_000  # servers and commands
_MAX_ROLE_NAME_LENGTH = 100  # characters of a name
_COMMAND_ID_KEY = "command"  # of the extras of a click: the id of the command whose panel it is on


class CommandPermissionCache(commands.Cog):
    """Remembers for a minute what servers' settings (Integrations) say of commands, and the commands' ids."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._clock = bot.newsroom.clock
        self._permissions: dict[tuple[int, int], tuple[float, list[CommandPermission]]] = {}
        self._commands: dict[str, app_commands.AppCommand] = {}

    @commands.Cog.listener()
    async def on_raw_app_command_permissions_update(
        self, payload: discord.RawAppCommandPermissionsUpdateEvent
    ) -> None:
        """A server's settings changed."""
        self._permissions.pop((payload.guild.id, payload.target_id), None)

    async def overrides(self, guild: discord.Guild, command_id: int) -> list[CommandPermission]:
        """What a server's settings say of a command; empty where nothing or Discord does not tell."""
        now = self._clock.monotonic()
        asked, known = self._permissions.get((guild.id, command_id), (-_CACHE_SECONDS, []))
        if now - asked < _CACHE_SECONDS:
            return known
        try:
            command = await self._command(command_id)
            found = (await command.fetch_permissions(guild)).permissions if command is not None else []
        except discord.NotFound:  # 10066: the server changed nothing
            found = []
        except discord.HTTPException:
            return []
        if len(self._permissions) >= _MAX_CACHED:
            self._permissions.clear()
        self._permissions[guild.id, command_id] = now, found
        return found

    async def command_id(self, name: str) -> int | None:
        """The id of a command or group of commands by its name; None where Discord does not tell."""
        if name not in self._commands:
            try:
                await self._load_commands()
            except discord.HTTPException:
                return None
        command = self._commands.get(name)
        return None if command is None else command.id

    async def _command(self, command_id: int) -> app_commands.AppCommand | None:
        if all(command.id != command_id for command in self._commands.values()):
            await self._load_commands()
        return next((one for one in self._commands.values() if one.id == command_id), None)

    async def _load_commands(self) -> None:
        self._commands = {command.name: command for command in await self._bot.tree.fetch_commands()}


async def can_manage_feeds(interaction: Interaction, command_id: int | None) -> bool:
    """Whether the asker may use a command for those who manage feeds, with rights as they are now.

    They have Manage Server, or the role that the server chose. A server can also open such a command to a
    person or a role, or close it, in its settings (Integrations), which come before the role. Discord looks
    at them when a command is sent and not when a button is clicked; we ask for them only where the person
    lacks Manage Server.
    """
    guild, member = interaction_context.home_server(interaction), interaction_context.member(interaction)
    if guild is None or member is None:
        return False
    if has_manage_guild(interaction):
        return True
    rights = interaction.client.get_cog(CommandPermissionCache.__name__)
    if command_id is not None and isinstance(rights, CommandPermissionCache):
        opened = override_for(member, await rights.overrides(guild, command_id))
        if opened is not None:
            return opened
    chosen = (await interaction.client.store.preferences.of_server(guild.id)).manager_role
    return chosen is not None and any(role.id == chosen for role in member.roles)


async def can_use_manager_command(interaction: Interaction, name: str) -> bool:
    """Whether the asker may use the command for those who manage feeds that has this name."""
    rights = interaction.client.get_cog(CommandPermissionCache.__name__)
    assert isinstance(rights, CommandPermissionCache)
    needed = not has_manage_guild(interaction) and interaction_context.home_server(interaction) is not None
    return await can_manage_feeds(interaction, await rights.command_id(name) if needed else None)


def has_manage_guild(interaction: Interaction) -> bool:
    """Whether the asker has Manage Server itself."""
    return interaction.permissions.manage_guild or interaction.permissions.administrator


def override_for(member: discord.Member, overrides: list[CommandPermission]) -> bool | None:
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


async def require_manager(interaction: Interaction, command_id: int | None) -> None:
    """Raise `NotAuthorized` unless the asker may manage the server's feeds."""
    if not await can_manage_feeds(interaction, command_id):
        raise await _not_authorized(interaction)


async def require_manager_command(interaction: Interaction, name: str) -> None:
    """Raise `NotAuthorized` unless the asker may use the command for those who manage feeds of this name."""
    if not await can_use_manager_command(interaction, name):
        raise await _not_authorized(interaction)


class ManagersOnlyMixin:
    """Of a group of commands: for those who may manage the server's feeds, whatever Discord lets through."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        await require_manager(interaction, interaction.command_id)
        return True


class ManagersPanel(OwnedView):
    """A panel of such a command, or one that a click on such a panel opens."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._command_id: int | None = interaction.extras.get(_COMMAND_ID_KEY, interaction.command_id)

    @property
    def guild(self) -> discord.Guild:
        """The server in which it was opened: such commands are for servers."""
        assert self.interaction.guild is not None
        return self.interaction.guild

    async def authorize(self, interaction: Interaction) -> None:
        interaction.extras[_COMMAND_ID_KEY] = self._command_id
        await require_manager(interaction, self._command_id)


class NotAuthorized(app_commands.CheckFailure, UserFacingError):
    """Someone lacks what managing feeds takes. A failed check too: a command's checks may raise it."""


async def _not_authorized(interaction: Interaction) -> NotAuthorized:
    """The refusal, with the role that would do as well where the server chose one that the asker lacks."""
    guild = interaction_context.home_server(interaction)
    if guild is None:
        return NotAuthorized(_("This only works in a server."))
    chosen = (await interaction.client.store.preferences.of_server(guild.id)).manager_role
    role = guild.get_role(chosen) if chosen is not None else None
    permission = _("Manage Server")
    if role is None or (isinstance(interaction.user, discord.Member) and role in interaction.user.roles):
        return NotAuthorized(
            _("You need the {permissions} permission for this.").format(permissions=permission)
        )
    return NotAuthorized(
        _("You need the {permission} permission or the role {role} for this.").format(
            permission=permission,
            role=f"**{discord_text.to_markdown_line(role.name, _MAX_ROLE_NAME_LENGTH)}**",
        )
    )


async def hidden_servers(interaction: Interaction) -> set[int]:
    """Servers that the asker left and made bookmarks in: what they kept there is not shown to them.

    Asked anew each time; a server that Telex itself is no longer in cannot be asked and hides nothing.
    """
    servers = await interaction.client.store.bookmarks.servers(interaction.user.id)
    return {
        server_id
        for server_id in servers - {interaction_context.server_id(interaction)}
        if await _has_left(interaction.client, server_id, interaction.user.id)
    }


async def _has_left(bot: TelexBot, server_id: int, person_id: int) -> bool:
    guild = bot.get_guild(server_id)
    try:
        if guild is None and not bot.store.shards.serves(server_id):  # another process serves it
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
