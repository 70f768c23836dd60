"""Guard that keeps discord.py from repeating requests that would create a message, thread or webhook twice."""

import re
from collections.abc import Container
from types import SimpleNamespace

import aiohttp
import discord

from bot.posting.sending.send_outcomes import UnconfirmedPostError, retry_after_seconds

_WEBHOOK_PATH_PATTERN = re.compile(r"/webhooks/(\d+)/")
_TOO_MANY_REQUESTS_STATUS = 429
_MIN_SERVER_ERROR_STATUS = 500


class RetryGuard:
    """Tracing hooks for discord.py's HTTP session that turn its unsafe retries into errors.

    discord.py repeats every request that was answered 500, 502, 504 or 524. Discord honours no nonce where a
    thread or webhook is created or a webhook posts, so each repetition could be another post. discord.py
    would also sleep through a webhook's rate limit, however long. `webhook_ids` are the ids of the webhooks that post.

    The hooks raise UnconfirmedPostError, or discord.RateLimited for a webhook.
    """

    def __init__(self, webhook_ids: Container[int]) -> None:
        self._webhook_ids = webhook_ids

    def attach(self, trace_config: aiohttp.TraceConfig) -> None:
        """Register the hooks on the trace configuration of an HTTP session."""
        trace_config.on_request_end.append(self._on_request_end)

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        end_params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path = end_params.response.status, end_params.url.path
        webhook_match = _WEBHOOK_PATH_PATTERN.search(path)
        is_webhook_request = webhook_match is not None and int(webhook_match[1]) in self._webhook_ids
        if is_webhook_request and status == _TOO_MANY_REQUESTS_STATUS:
            raise discord.RateLimited(retry_after_seconds(end_params.response.headers))
        is_creation = end_params.method == "POST" and (is_webhook_request or path.endswith(("/threads", "/webhooks")))
        if is_creation and status >= _MIN_SERVER_ERROR_STATUS:
            raise UnconfirmedPostError(f"{status} to a new post")
