"""What Discord's answers are taken for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp
import discord
import pytest
from aiohttp import web
from discord.http import HTTPClient, Route

from bot.core import locale
from bot.posting.sending.no_repeats import NoRepeats
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Refused, UncertainPostError, judge
from bot.posting.wording.problem_sentences import describe


def answer(status: int, code: int = 0, *, wait: str = "60") -> discord.HTTPException:
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(
        status, discord.HTTPException if status < 500 else discord.DiscordServerError
    )
    response = SimpleNamespace(status=status, reason="", headers={"Retry-After": wait})
    return kind(response, {"code": code, "message": "words"})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (discord.RateLimited(77.0), Later(77.0, "rate limited for 77 s")),
        (answer(429, wait="12.5"), Later(12.5, "429 0 words")),
        (answer(429, wait="soon"), Later(60.0, "429 0 words")),
        (answer(400, 20016), Later(60.0, "400 20016 words")),
        (answer(401), Later(60.0, "401 0 words")),
        (answer(500), Lost("500 0 words")),
        (answer(503), Lost("503 0 words")),
        (UncertainPostError("502"), Lost("502")),
        (aiohttp.ServerDisconnectedError(), Lost("no answer: Server disconnected")),
        (TimeoutError(), Lost("no answer: TimeoutError")),
        (ConnectionResetError(104, "reset"), Lost("no answer: [Errno 104] reset")),
        (answer(404, 10003), Blocked("gone")),
        (answer(404), Blocked("gone")),
        (answer(403, 50001), Blocked("forbidden")),
        (answer(403), Blocked("forbidden")),
        (answer(400, 50083), Blocked("locked")),
        (answer(400, 40067), Blocked("needs-tag")),
        (answer(400, 160006), Blocked("too-many-threads")),
        (answer(400, 50035), Refused("400 50035 words")),
        (answer(400, 200000), Refused("400 200000 words")),
    ],
    ids=str,
)
def test_an_answer_is_not_taken_for_another(error, outcome):
    assert judge(error) == outcome


def test_a_connection_that_was_never_made_sent_nothing():
    key = SimpleNamespace(host="discord.com", port=443, ssl=True, is_ssl=True)
    error = aiohttp.ClientConnectorError(key, OSError("no route"))  # type: ignore[arg-type]
    assert isinstance(judge(error), Later)


def test_an_error_of_ours_is_not_taken_for_an_answer():
    with pytest.raises(ZeroDivisionError):
        judge(ZeroDivisionError())


@pytest.mark.parametrize(
    "problem",
    [
        "gone",
        "forbidden",
        "locked",
        "needs-tag",
        "too-many-threads",
        "not-text",
        "unreadable",
        "article-gone",
        "fault",
    ],
)
def test_every_problem_has_a_sentence(problem):
    sentence = describe(problem)
    assert sentence != problem
    assert sentence.endswith(".")


def test_missing_permissions_are_named():
    with locale.use("en"):
        assert "Create Posts, Embed Links" in describe("forbidden create_posts embed_links")
        assert describe("refused 400 AutoMod") == "Discord refused the message: 400 AutoMod"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/channels/1/threads", 1),
        ("/webhooks/1/token", 1),
        ("/webhooks/2/token", 2),
        ("/channels/1/messages", 2),
    ],
)
async def test_discord_py_repeats_a_message_after_a_server_error_but_no_thread_and_no_post_of_a_webhook(
    path, asked, monkeypatch
):
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
    NoRepeats({1}).watch(trace)
    http = HTTPClient(asyncio.get_running_loop(), http_trace=trace)
    await http.static_login("token")
    requests.clear()
    monkeypatch.setattr(asyncio, "sleep", _no_sleep)
    try:
        if asked == 1:
            with pytest.raises(UncertainPostError):
                await http.request(Route("POST", path))
        else:
            await http.request(Route("POST", path))
    finally:
        await http.close()
        await runner.cleanup()
    assert len(requests) == asked


_real_sleep = asyncio.sleep


async def _no_sleep(_seconds: float) -> None:
    await _real_sleep(0)
