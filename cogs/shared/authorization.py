"""Authorization: who may manage feeds in a server, and which servers a user has left."""

from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.text import discord_text
from cogs.shared.views import Interaction, OwnedView

CommandOverride = app_commands.AppCommandPermissions
"""Type of a permission override: whether a member, a role or a channel may use a command."""
T = TypeVar("T")

guild_context_only = app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
"""Decorator that restricts a command to servers.

Unlike `guild_only`, it keeps the default installation types of the command tree.
"""

_allow_server_and_user_installs = app_commands.allowed_installs(guilds=True, users=True)
_allow_all_contexts = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)


def user_installable(command: T) -> T:
    """Return the command, allowed in servers, direct messages and groups.

    It may also be used where only the user, not the server, installed Telex.
    """
    return _allow_server_and_user_installs(_allow_all_contexts(command))


MANAGER_EXTRAS = {"managers": True}
"""Extras of a command or group for users who manage feeds.

Discord shows such a command to everyone, and the bot rejects users who do not manage feeds. Default
permissions would hide the command from the server's manager role, and only a user's own token can change a
server's command permissions.
"""

_CACHE_SECONDS = 60.0
"""Time in seconds after which cached permission overrides are fetched again."""
_MAX_CACHED_OVERRIDE_LISTS = 5_000
"""Maximum number of pairs of server and command whose permission overrides are cached."""
_MAX_ROLE_NAME_LENGTH = 100
"""Maximum length in UTF-16 units of the name of a role."""
_COMMAND_ID_EXTRAS_KEY = "command"
"""Key in the extras of an interaction for the id of the command that opened a panel."""


class CommandPermissionCache(commands.Cog):
    """Cache of the servers' permission overrides of commands, and of the ids of commands."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._clock = bot.services.clock
        self._cached_overrides_by_server_and_command_id: dict[tuple[int, int], tuple[float, list[CommandOverride]]] = {}
        self._command_by_name: dict[str, app_commands.AppCommand] = {}

    @commands.Cog.listener()
    async def on_raw_app_command_permissions_update(self, payload: discord.RawAppCommandPermissionsUpdateEvent) -> None:
        """Drop the cached overrides of a command in a server where they changed."""
        self._cached_overrides_by_server_and_command_id.pop((payload.guild.id, payload.target_id), None)

    async def load_overrides(self, guild: discord.Guild, command_id: int) -> list[CommandOverride]:
        """Return a server's permission overrides of a command.

        The list is empty if there are none or Discord does not answer.
        """
        now = self._clock.monotonic()
        fetched_at, cached_overrides = self._cached_overrides_by_server_and_command_id.get(
            (guild.id, command_id), (-_CACHE_SECONDS, [])
        )
        if now - fetched_at < _CACHE_SECONDS:
            return cached_overrides
        try:
            command = await self._find_command(command_id)
            overrides = (await command.fetch_permissions(guild)).permissions if command is not None else []
        except discord.NotFound:  # Error 10066: the server has no overrides.
            overrides = []
        except DISCORD_ERRORS:
            return []
        if len(self._cached_overrides_by_server_and_command_id) >= _MAX_CACHED_OVERRIDE_LISTS:
            self._cached_overrides_by_server_and_command_id.clear()
        self._cached_overrides_by_server_and_command_id[guild.id, command_id] = now, overrides
        return overrides

    async def find_command_id(self, command_name: str) -> int | None:
        """Return the id of a top-level command by name.

        Returns None if the command is unknown or Discord does not answer.
        """
        if command_name not in self._command_by_name:
            try:
                await self._load_commands()
            except DISCORD_ERRORS:
                return None
        command = self._command_by_name.get(command_name)
        return None if command is None else command.id

    async def _find_command(self, command_id: int) -> app_commands.AppCommand | None:
        if all(command.id != command_id for command in self._command_by_name.values()):
            await self._load_commands()
        return next(
            (fetched_command for fetched_command in self._command_by_name.values() if fetched_command.id == command_id),
            None,
        )

    async def _load_commands(self) -> None:
        self._command_by_name = {command.name: command for command in await self._bot.tree.fetch_commands()}


async def can_manage_feeds(interaction: Interaction, command_id: int | None) -> bool:
    """Return whether the user may currently use a command for users who manage feeds.

    That takes the permission Manage Server or the server's manager role. Permission overrides of the command
    (Server Settings › Integrations) take precedence over the role; with None as `command_id` they do not count.
    Discord applies overrides to commands but not to buttons, so they are fetched for users without Manage
    Server.
    """
    guild, member = interaction_context.get_home_server(interaction), interaction_context.get_home_member(interaction)
    if guild is None or member is None:
        return False
    if has_manage_guild(interaction):
        return True
    permission_cache = interaction.client.get_cog(CommandPermissionCache.__name__)
    if command_id is not None and isinstance(permission_cache, CommandPermissionCache):
        is_allowed = evaluate_overrides(member, await permission_cache.load_overrides(guild, command_id))
        if is_allowed is not None:
            return is_allowed
    manager_role_id = (await interaction.client.store.preferences.get_by_server(guild.id)).manager_role_id
    return manager_role_id is not None and any(role.id == manager_role_id for role in member.roles)


async def can_use_manager_command(interaction: Interaction, command_name: str) -> bool:
    """Return whether the user may use the named command, which is for users who manage feeds."""
    permission_cache = interaction.client.get_cog(CommandPermissionCache.__name__)
    assert isinstance(permission_cache, CommandPermissionCache)
    needs_command_id = (
        not has_manage_guild(interaction) and interaction_context.get_home_server(interaction) is not None
    )
    return await can_manage_feeds(
        interaction, await permission_cache.find_command_id(command_name) if needs_command_id else None
    )


def has_manage_guild(interaction: Interaction) -> bool:
    """Return whether the user has the Manage Server permission."""
    return interaction.permissions.manage_guild or interaction.permissions.administrator


def evaluate_overrides(member: discord.Member, overrides: list[CommandOverride]) -> bool | None:
    """Return whether a command's permission overrides allow a member, or None if they do not decide.

    An override for the member counts first, then overrides for the member's roles, then one for everyone. An
    override that allows everyone counts as undecided: Discord's settings show one for every command without
    default permissions. https://support.discord.com/hc/en-us/articles/4644915651095-Command-Permissions
    """
    permission_type = discord.AppCommandPermissionType
    user_decisions = [
        user_override.permission
        for user_override in overrides
        if user_override.type is permission_type.user and user_override.id == member.id
    ]
    if user_decisions:
        return all(user_decisions)
    role_ids = {role.id for role in member.roles if role.id != member.guild.id}
    role_decisions = [
        role_override.permission
        for role_override in overrides
        if role_override.type is permission_type.role and role_override.id in role_ids
    ]
    if role_decisions:
        return any(role_decisions)
    everyone_decisions = [
        everyone_override.permission
        for everyone_override in overrides
        if everyone_override.type is permission_type.role and everyone_override.id == member.guild.id
    ]
    return None if all(everyone_decisions) else False


async def require_manager(interaction: Interaction, command_id: int | None) -> None:
    """Raise `NotAuthorized` unless the user may manage the server's feeds."""
    if not await can_manage_feeds(interaction, command_id):
        raise await _build_not_authorized_error(interaction)


async def require_manager_command(interaction: Interaction, command_name: str) -> None:
    """Raise `NotAuthorized` unless the user may use the named command for users who manage feeds."""
    if not await can_use_manager_command(interaction, command_name):
        raise await _build_not_authorized_error(interaction)


class ManagersOnlyMixin:
    """Mixin for command groups that only users who manage feeds may use."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        try:
            await require_manager(interaction, interaction.command_id)
        except Exception as error:
            command = interaction.command
            if command is None or isinstance(error, app_commands.AppCommandError):
                raise
            raise app_commands.CommandInvokeError(command, error) from error  # The tree reports no others of a check.
        return True


class ManagersPanel(OwnedView):
    """Panel for users who manage feeds, opened by a command or from another such panel."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._command_id: int | None = interaction.extras.get(_COMMAND_ID_EXTRAS_KEY, interaction.command_id)

    @property
    def guild(self) -> discord.Guild:
        """Return the server in which the panel was opened."""
        assert self.interaction.guild is not None
        return self.interaction.guild

    async def authorize(self, interaction: Interaction) -> None:
        interaction.extras[_COMMAND_ID_EXTRAS_KEY] = self._command_id
        await require_manager(interaction, self._command_id)


class NotAuthorized(app_commands.CheckFailure, UserFacingError):
    """Error raised when a user may not manage feeds.

    It is also a `CheckFailure`, so that checks of commands may raise it.
    """


async def _build_not_authorized_error(interaction: Interaction) -> NotAuthorized:
    """Return the error for a user who may not manage feeds.

    It names the server's manager role, if there is one and the user lacks it.
    """
    guild = interaction_context.get_home_server(interaction)
    if guild is None:
        return NotAuthorized(_("This only works in a server."))
    manager_role_id = (await interaction.client.store.preferences.get_by_server(guild.id)).manager_role_id
    manager_role = guild.get_role(manager_role_id) if manager_role_id is not None else None
    permission_label = _("Manage Server")
    if manager_role is None or (
        isinstance(interaction.user, discord.Member) and manager_role in interaction.user.roles
    ):
        return NotAuthorized(_("You need the {permissions} permission for this.").format(permissions=permission_label))
    return NotAuthorized(
        _("You need the {permission} permission or the role {role} for this.").format(
            permission=permission_label,
            role=f"**{discord_text.to_markdown_line(manager_role.name, _MAX_ROLE_NAME_LENGTH)}**",
        )
    )


async def load_left_server_ids(interaction: Interaction) -> set[int]:
    """Return the ids of servers that the user has left, among those from which they have bookmarks.

    The bookmarks from these servers are hidden. Membership is checked on each call. Bookmarks from a server that
    Telex has left are not hidden, because membership cannot be checked there.
    """
    server_ids = await interaction.client.store.bookmarks.load_server_ids(interaction.user.id)
    return {
        server_id
        for server_id in server_ids - {interaction_context.get_home_server_id(interaction)}
        if await interaction.client.peer_servers.has_user_left(server_id, interaction.user.id)
    }
