"""A stand-in for a server with the OpenAI chat API, on loopback."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.feed_server import FeedServer, Handler

Reply = Callable[[str], str]


class ModelService:
    """Answers chat requests as a test tells it to, and keeps what it was asked."""

    def __init__(self, server: FeedServer) -> None:
        self._server = server
        self.url = f"{server.origin}/v1"
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        server.serve("/v1/models", '{"data": [{"id": "small"}]}', content_type="application/json")

    @property
    def prompt(self) -> str:
        """The last request's messages in one text."""
        return "\n".join(message["content"] for message in self.requests[-1]["messages"])

    def answer_with(self, content: str | Reply) -> None:
        """Answer with this text from now on, or with what it gives for the prompt."""

        async def reply(request: web.Request) -> web.StreamResponse:
            self.keys.append(request.headers.get("Authorization"))
            self.requests.append(await request.json())
            text = content if isinstance(content, str) else content(self.prompt)
            message = {"role": "assistant", "content": text}
            return web.json_response({"object": "chat.completion", "choices": [{"message": message}]})

        self.set_handler(reply)

    def stream_pieces(self, *pieces: str, between: Callable[[], Awaitable[None]], ends: bool = True) -> None:
        """Answer in pieces from now on, and wait for `open_proxy` before each but the first."""

        async def reply(request: web.Request) -> web.StreamResponse:
            self.requests.append(await request.json())
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for number, piece in enumerate(pieces):
                if number:
                    await between()
                chunk = json.dumps({"choices": [{"delta": {"content": piece}}]})
                await response.write(f"data: {chunk}\n\n".encode())
            if ends:
                await response.write(b"data: [DONE]\n\n")
            return response

        self.set_handler(reply)

    def set_handler(self, handler: Handler) -> None:
        """Answer with a coroutine from now on."""
        self._server.handle("/v1/chat/completions", handler)

    def send_body(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer with these bytes from now on."""

        async def reply(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=headers)

        self.set_handler(reply)
