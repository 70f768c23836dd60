"""Nothing is sent twice by discord.py itself, which does not know what would be made twice."""

import re
from collections.abc import Container
from types import SimpleNamespace

import aiohttp
import discord

from bot.posting.sending.send_outcomes import UncertainPostError, retry_after

_WEBHOOK = re.compile(r"/webhooks/(\d+)/")
_TOO_MANY = 429
_SERVER_ERROR = 500


class NoRepeats:
    """Hooks for discord.py's session that keep it from sending again what Discord may have.

    It repeats every request answered 500, 502 or 504, and Discord honours no nonce where a thread or a
    webhook is made or a webhook posts: each repetition could be another post. It would also wait within
    itself, however long, until a webhook may post again. `webhooks` are the ids of those.
    """

    def __init__(self, webhooks: Container[int]) -> None:
        self._webhooks = webhooks

    def watch(self, trace: aiohttp.TraceConfig) -> None:
        """Hook into a session."""
        trace.on_request_end.append(self._judge)

    async def _judge(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answered: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path = answered.response.status, answered.url.path
        found = _WEBHOOK.search(path)
        by_webhook = found is not None and int(found[1]) in self._webhooks
        if by_webhook and status == _TOO_MANY:
            raise discord.RateLimited(retry_after(answered.response.headers))
        makes = answered.method == "POST" and (by_webhook or path.endswith(("/threads", "/webhooks")))
        if makes and status >= _SERVER_ERROR:
            raise UncertainPostError(f"{status} to a new post")
