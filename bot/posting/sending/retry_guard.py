"""Keep discord.py from repeating requests that would create something twice."""

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
    """Tracing hooks for discord.py's session that turn its unsafe retries into errors.

    discord.py repeats every request that was answered 500, 502 or 504. Discord honours no nonce where a
    thread or webhook is created or a webhook posts, so each repetition could be another post. It would also
    sleep through a webhook's rate limit, however long. `webhook_ids` are the webhooks that post.

    Raises UnconfirmedPostError, or discord.RateLimited for a webhook.
    """

    def __init__(self, webhooks: Container[int]) -> None:
        self._webhooks = webhooks

    def attach(self, trace: aiohttp.TraceConfig) -> None:
        """Register the hooks on the trace configuration of a session."""
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
