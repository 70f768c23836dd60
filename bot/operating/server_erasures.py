"""Erasure of all data of servers: the operator asks for it, and it happens once the bot has left the server."""

import logging
from collections.abc import Sequence

from bot.core.configuration.settings import Settings
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.operating.server_decisions import require_other_server
from bot.store import Store
from bot.store.records.operating_records import ServerErasure

log = logging.getLogger(__name__)

ERASURE_CHECK_SECONDS = 5.0
"""Number of seconds between two looks for servers that are to be erased."""


class ErasureRejection(ReasonCode):
    """Reason why an erasure of a server's data is rejected."""

    NOTHING_STORED = "nothing-stored"


async def request_erasure(store: Store, settings: Settings, server_id: int, *, user_id: int | None) -> bool:
    """Have the bot leave a server and erase its data; return whether the bot is in the server.

    `user_id` is the operator, or None in the terminal. Raises RequestRejected for the operator's own server, and if
    nothing is stored about the server.
    """
    require_other_server(settings, server_id)
    if not await store.server_data.count_rows(server_id):
        raise RequestRejected(ErasureRejection.NOTHING_STORED)
    return await store.server_data.request_erasure(server_id, user_id=user_id)


async def erase_requested_servers(store: Store, *, is_bot_running: bool = True) -> Sequence[ServerErasure]:
    """Erase the data of all servers for which that was requested and that the bot has left; return what was erased.

    If the bot runs, a server's data stays until the bot has ended its work for that server. The tables' files are then
    rewritten without the data; whether traces may remain in the database's log is logged. Raises StoreError.
    """
    erasures = []
    while (erasure := await store.server_data.erase_next(is_bot_running=is_bot_running)) is not None:
        log.info("server erased server_id=%d", erasure.server_id)
        erasures.append(erasure)
    if not await store.server_data.scrub_erased():
        log.warning("erased rows remain in the log of the database")
    return erasures
