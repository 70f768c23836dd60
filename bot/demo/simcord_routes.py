"""Routes of Discord's API that simcord, which simulates Discord, lacks. Importing this module adds them.

`serve_attachments` lets the bot download what users attach to commands, which simcord keeps in memory.
"""

from collections import Counter
from hashlib import blake2b
from typing import Any

from simcord.backend import errors, serializers
from simcord.env import Env
from simcord.http import router
from simcord.http.router import RequestContext, route
from simcord.intents import EVENT_INTENTS

from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError

_MAX_BIO_LENGTH = 190
_PROFILE_FIELDS = ("avatar", "banner", "bio")


@route("GET", "/guilds/{guild_id}/roles/member-counts")
def count_role_members(context: RequestContext) -> dict[str, int]:
    """Return how many members of a server have each of its roles, but @everyone, by the ids of the roles.

    Takes the permission Manage Roles, as discord.py says of `Guild.role_member_counts`.
    """
    guild = context.backend.get_guild(context.int_arg("guild_id"))
    context.require_guild_permissions(guild.id, "manage_roles")
    counts = Counter(role_id for member in guild.members.values() for role_id in member.role_ids)
    return {str(role_id): counts[role_id] for role_id in guild.roles if role_id != guild.id}


def edit_own_member(context: RequestContext) -> dict[str, Any]:
    """Change the nickname, avatar, banner or bio of the bot's member in a server.

    The member's avatar becomes a hash, as in Discord; banner and bio are not shown anywhere and only checked.
    """
    body = context.fields("nick", *_PROFILE_FIELDS)
    backend, guild_id = context.backend, context.int_arg("guild_id")
    member = backend.get_member(guild_id, backend.bot_user.id)
    for field in ("avatar", "banner"):
        if not (body.get(field) or "data:image/png;base64,").startswith("data:image/"):
            raise errors.invalid_form_body(f"{field}: not a picture")
    if len(body.get("bio") or "") > _MAX_BIO_LENGTH:
        raise errors.invalid_form_body("bio: must be 190 or fewer in length")
    if "avatar" in body:
        member.avatar = blake2b(body["avatar"].encode(), digest_size=16).hexdigest() if body["avatar"] else None
    # Discord informs a bot of its own member without the intent for members, which simcord always requires.
    required_intent = EVENT_INTENTS.pop("GUILD_MEMBER_UPDATE")
    try:
        backend.edit_member(guild_id, backend.bot_user.id, {"nick": body["nick"]} if "nick" in body else {})
    finally:
        EVENT_INTENTS["GUILD_MEMBER_UPDATE"] = required_intent
    return dict(serializers.member_payload(backend, backend.get_guild(guild_id), member))


# The first of two routes that match equally well is used.
_OWN_MEMBER_PATH = ["guilds", "{guild_id}", "members", "@me"]
router._ROUTES["PATCH"].insert(0, (_OWN_MEMBER_PATH, edit_own_member))  # noqa: SLF001 - simcord has one already


def serve_attachments(env: Env, fetcher: Fetcher) -> None:
    """Let a fetcher download the attachments of the simulated Discord."""
    get = fetcher.get

    async def get_attachment(url: str, **kwargs: Any) -> FetchResult:  # noqa: ANN401 - those of the fetcher
        body = env.backend.cdn.get(url)
        if body is None:
            return await get(url, **kwargs)
        if len(body) > kwargs["max_bytes"]:
            raise FeedError(fetch_errors.TOO_LARGE)
        return FetchResult(200, url, None, is_not_modified=False, body=body, body_hash=b"", headers={})

    fetcher.get = get_attachment  # type: ignore[method-assign]
