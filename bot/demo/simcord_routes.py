"""Routes of Discord's API that simcord, which simulates Discord, lacks. Importing this module adds them."""

from collections import Counter

from simcord.http.router import RequestContext, route


@route("GET", "/guilds/{guild_id}/roles/member-counts")
def count_role_members(context: RequestContext) -> dict[str, int]:
    """Return how many members of a server have each of its roles, but @everyone, by the ids of the roles.

    Takes the permission Manage Roles, as discord.py says of `Guild.role_member_counts`.
    """
    guild = context.backend.get_guild(context.int_arg("guild_id"))
    context.require_guild_permissions(guild.id, "manage_roles")
    counts = Counter(role_id for member in guild.members.values() for role_id in member.role_ids)
    return {str(role_id): counts[role_id] for role_id in guild.roles if role_id != guild.id}
