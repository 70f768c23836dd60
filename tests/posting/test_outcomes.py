"""Send outcomes of Discord's responses and of connection errors."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from aiohttp import web
from discord.http import HTTPClient, Route

from bot.core.reasons import Reason, SendProblem
from bot.posting.sending.retry_guard import RetryGuard
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    Rejected,
    RetryAfter,
    UnconfirmedPostError,
    classify_error,
)
from tests.support.cases import check_cases


def build_http_error(status: int, code: int = 0, *, wait: str = "60") -> discord.HTTPException:
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(
        status, discord.HTTPException if status < 500 else discord.DiscordServerError
    )
    response: Any = SimpleNamespace(status=status, reason="", headers={"Retry-After": wait})
    return kind(response, {"code": code, "message": "words"})


def build_error_response(text: str) -> Reason:
    return Reason(SendProblem.ERROR_RESPONSE, {"text": text})


@check_cases(
    ("error", "outcome"),
    [
        (discord.RateLimited(77.0), RetryAfter(77.0, Reason(SendProblem.RATE_LIMITED, {"seconds": 77}))),
        (build_http_error(429, wait="12.5"), RetryAfter(12.5, build_error_response("429 0 words"))),
        (build_http_error(429, wait="soon"), RetryAfter(60.0, build_error_response("429 0 words"))),
        (build_http_error(400, 20016), RetryAfter(60.0, build_error_response("400 20016 words"))),
        (build_http_error(401), RetryAfter(60.0, build_error_response("401 0 words"))),
        (build_http_error(500), DeliveryUnknown(build_error_response("500 0 words"))),
        (build_http_error(503), DeliveryUnknown(build_error_response("503 0 words"))),
        (UnconfirmedPostError("502"), DeliveryUnknown(build_error_response("502"))),
        (
            aiohttp.ServerDisconnectedError(),
            DeliveryUnknown(Reason(SendProblem.NO_ANSWER, {"text": "Server disconnected"})),
        ),
        (TimeoutError(), DeliveryUnknown(Reason(SendProblem.NO_ANSWER, {"text": "TimeoutError"}))),
        (
            ConnectionResetError(104, "reset"),
            DeliveryUnknown(Reason(SendProblem.NO_ANSWER, {"text": "[Errno 104] reset"})),
        ),
        (build_http_error(404, 10003), ChannelBlocked(Reason(SendProblem.CHANNEL_GONE))),
        (build_http_error(404), ChannelBlocked(Reason(SendProblem.CHANNEL_GONE))),
        (build_http_error(403, 50001), ChannelBlocked(Reason(SendProblem.FORBIDDEN))),
        (build_http_error(403), ChannelBlocked(Reason(SendProblem.FORBIDDEN))),
        (build_http_error(400, 50083), ChannelBlocked(Reason(SendProblem.LOCKED))),
        (build_http_error(400, 40067), ChannelBlocked(Reason(SendProblem.NEEDS_TAG))),
        (build_http_error(400, 160006), ChannelBlocked(Reason(SendProblem.TOO_MANY_THREADS))),
        (build_http_error(400, 50035), Rejected(Reason(SendProblem.REFUSED, {"text": "400 50035 words"}))),
        (build_http_error(400, 200000), Rejected(Reason(SendProblem.REFUSED, {"text": "400 200000 words"}))),
    ],
)
def test_error_is_classified_as_send_outcome(error, outcome):
    assert classify_error(error) == outcome


def test_failed_connection_is_retried():
    key = SimpleNamespace(host="discord.com", port=443, ssl=True, is_ssl=True)
    error = aiohttp.ClientConnectorError(key, OSError("no route"))  # type: ignore[arg-type]
    assert isinstance(classify_error(error), RetryAfter)


def test_programming_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        classify_error(ZeroDivisionError())


@pytest.mark.parametrize(
    ("path", "request_count"),
    [
        ("/channels/1/threads", 1),
        ("/webhooks/1/token", 1),
        ("/webhooks/2/token", 2),
        ("/channels/1/messages", 2),
    ],
)
async def test_only_idempotent_requests_are_retried_by_discord_py(path, request_count, monkeypatch):
    """A repeated message has a nonce; a repeated forum post, or one of a webhook, is a second one."""
    requests: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.json_response({"message": "words"}, status=500 if requests == [path] else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    monkeypatch.setattr(Route, "BASE", f"http://{host}:{port}")
    trace = aiohttp.TraceConfig()
    RetryGuard({1}).attach(trace)
    http = HTTPClient(asyncio.get_running_loop(), http_trace=trace)
    await http.static_login("token")
    requests.clear()
    monkeypatch.setattr(asyncio, "sleep", _skip_sleep)
    try:
        if request_count == 1:
            with pytest.raises(UnconfirmedPostError):
                await http.request(Route("POST", path))
        else:
            await http.request(Route("POST", path))
    finally:
        await http.close()
        await runner.cleanup()
    assert len(requests) == request_count


_real_sleep = asyncio.sleep


async def _skip_sleep(_seconds: float) -> None:
    await _real_sleep(0)
