"""Nothing is sent twice by discord.py itself, which does not know what would be made twice."""

import re
from collections.abc import Container
from types import SimpleNamespace

import aiohttp
import discord

from bot.posting.sending.send_outcomes import UnconfirmedPostError, retry_after

_WEBHOOK_PATH = re.compile(r"/webhooks/(\d+)/")
_STATUS_TOO_MANY_REQUESTS = 429
_MIN_SERVER_ERROR = 500


class RetryGuard:
    """Hooks for discord.py's session that keep it from sending again what Discord may have.

    It repeats every request answered 500, 502 or 504, and Discord honours no nonce where a thread or a
    webhook is made or a webhook posts: each repetition could be another post. It would also wait within
    itself, however long, until a webhook may post again. `webhooks` are the ids of those.
    """

    def __init__(self, webhooks: Container[int]) -> None:
        self._webhooks = webhooks

    def attach(self, trace: aiohttp.TraceConfig) -> None:
        """Hook into a session."""
        trace.on_request_end.append(self._on_request_end)

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answered: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path = answered.response.status, answered.url.path
        found = _WEBHOOK_PATH.search(path)
        by_webhook = found is not None and int(found[1]) in self._webhooks
        if by_webhook and status == _STATUS_TOO_MANY_REQUESTS:
            raise discord.RateLimited(retry_after(answered.response.headers))
        makes = answered.method == "POST" and (by_webhook or path.endswith(("/threads", "/webhooks")))
        if makes and status >= _MIN_SERVER_ERROR:
            raise UnconfirmedPostError(f"{status} to a new post")
