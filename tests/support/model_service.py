"""A stand-in for a server with the OpenAI chat API, on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.writing.model_tasks import ModelTask
from tests.support.feed_server import FeedServer, Handler

Reply = Callable[[str], str]

_TASK = re.compile(r"Task: (\w+)\n")
_SENTENCE = re.compile(r"^Sentence \d+: (.*)$", re.MULTILINE)


def get_task(request: dict[str, Any]) -> ModelTask:
    """The task of a request, which its system message begins with."""
    match = _TASK.match(request["messages"][0]["content"])
    assert match is not None
    return ModelTask(match[1])


def join_prompt(request: dict[str, Any]) -> str:
    """The messages of a request in one text."""
    return "\n".join(message["content"] for message in request["messages"])


def list_sentences(prompt: str) -> list[str]:
    """The sentences that a verification asks about, with their citations."""
    return _SENTENCE.findall(prompt)


def support_all(prompt: str) -> str:
    """A verification by which every sentence is supported."""
    return json.dumps({"supported": [True for _ in list_sentences(prompt)]})


def support_unless(*words: str) -> Reply:
    """Make verifications by which a sentence with any of these words is not supported."""
    return lambda prompt: json.dumps(
        {"supported": [not any(word in sentence for word in words) for sentence in list_sentences(prompt)]}
    )


class ModelService:
    """Replies to chat requests as a test tells it to, and keeps what it was asked.

    Unless told otherwise, it rewrites a question to no further query, and supports every sentence.
    """

    def __init__(self, server: FeedServer) -> None:
        self._server = server
        self.url = f"{server.origin}/v1"
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._replies: dict[ModelTask, str | Reply] = {
            ModelTask.REWRITE_QUESTION: '{"queries": ["zzz"]}',
            ModelTask.VERIFY_SENTENCES: support_all,
        }
        server.serve("/v1/models", '{"data": [{"id": "small"}]}', content_type="application/json")

    def prompts(self, *tasks: ModelTask) -> list[str]:
        """The prompts of the requests with one of these tasks, in order."""
        return [join_prompt(request) for request in self.requests if get_task(request) in tasks]

    @property
    def prompt(self) -> str:
        """The last prompt for a text that people read."""
        return self.prompts(ModelTask.ANSWER, ModelTask.SUMMARIZE, ModelTask.TRANSLATE)[-1]

    def answer_with(self, content: str | Reply, *tasks: ModelTask) -> None:
        """Reply to these tasks with a text, or with what it gives for the prompt; by default, to write it."""
        for task in tasks or (ModelTask.ANSWER, ModelTask.SUMMARIZE, ModelTask.TRANSLATE):
            self._replies[task] = content
        self.set_handler(self.reply)

    async def reply(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization"))
        body = await request.json()
        self.requests.append(body)
        content = self._replies[get_task(body)]
        text = content if isinstance(content, str) else content(join_prompt(body))
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 100, "completion_tokens": 10}
        return web.json_response({"object": "chat.completion", "choices": [{"message": message}], "usage": usage})

    def set_handler(self, handler: Handler) -> None:
        """Reply with a coroutine from now on."""
        self._server.handle("/v1/chat/completions", handler)

    def send_body(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Reply to everything with these bytes from now on."""

        async def reply(request: web.Request) -> web.StreamResponse:
            self.requests.append(await request.json())
            return web.Response(status=status, body=body, headers=headers)

        self.set_handler(reply)
