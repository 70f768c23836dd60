"""Decisions of an operator which servers the bot leaves, and which may use it."""

from bot.core.configuration.settings import Settings
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.store import Store


class ServerDecisionRejection(ReasonCode):
    """Reason why a decision of an operator about a server is rejected."""

    OWN_SERVER = "own-server"
    NOT_IN_SERVER = "not-in-server"


async def request_leave(store: Store, settings: Settings, server_id: int, *, user_id: int | None) -> None:
    """Have the bot leave a server, within seconds or at its next start; it may be invited again.

    `user_id` is the operator, or None in the terminal. Raises RequestRejected for the operator's own server, and if the
    bot is not in the server or leaves it already.
    """
    require_other_server(settings, server_id)
    if not await store.server_access.request_leave(server_id, user_id=user_id):
        raise RequestRejected(ServerDecisionRejection.NOT_IN_SERVER)


async def change_access(
    store: Store, settings: Settings, server_id: int, *, is_allowed: bool, user_id: int | None
) -> bool:
    """Block a server, which the bot leaves and doesn't join again, or allow it; return False if it was so already.

    `user_id` is the operator, or None in the terminal. Raises RequestRejected for a block of the operator's own server.
    """
    if not is_allowed:
        require_other_server(settings, server_id)
    return await store.server_access.change(server_id, is_allowed=is_allowed, user_id=user_id)


def require_other_server(settings: Settings, server_id: int) -> None:
    """Raise RequestRejected for the operator's own server, which the bot never leaves."""
    if server_id == settings.owner_server:
        raise RequestRejected(ServerDecisionRejection.OWN_SERVER)
