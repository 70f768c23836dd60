"""Client of the optional language model service, whose output is untrusted.

It uses the chat API that OpenAI's servers and many local servers share
(https://platform.openai.com/docs/api-reference/chat). Responses are bounded in size and time.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

from bot.core.clock import Clock
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.configuration.settings import Settings
from bot.core.received_values import parse_integer
from bot.core.version import __version__
from bot.writing.model_tasks import ModelFailure, ModelTask, Prompt, UnusableReply

T = TypeVar("T")

MAX_RESPONSE_BYTES = 2**18
"""Maximum size in bytes of a response, which may hold the model's reasoning."""
MAX_TOKENS = 10_000_000
"""Maximum number of tokens of a prompt or reply that is counted; a service that reports more is mistaken."""
MAX_CONCURRENT_REQUESTS = 2
"""Maximum number of concurrent requests, shared fairly by the servers. A request's wait counts towards its timeout."""
MAX_BACKGROUND_REQUESTS = 1
"""Maximum number of concurrent requests for texts that no user is waiting for."""
FAILURE_PAUSE_SECONDS = 30
"""Time in seconds without requests after the model service has failed."""
MAX_MODEL_NAME_LENGTH = 40
"""Maximum length in characters of the model's name as people are shown it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TaskUsage:
    """Usage of the model service for one task since the start.

    `calls` is the number of prompts, `failures` of those that failed or had an unusable reply, `seconds` their total
    time. The numbers of tokens are as the service reported them. `dropped_sentences` is the number of sentences that a
    verification found unsupported by their passages.
    """

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dropped_sentences: int = 0


class ModelError(Exception):
    """Error raised when the model service fails; its message says why, without secrets."""


class _BadRequest(ModelError):
    """Error raised when the model service rejects a request (HTTP 400)."""


class _NoSlotInTime(Exception):
    """Error raised when a request could not be sent in time, because other requests took all slots."""


class ModelClient:
    """Client of the configured model service; an asynchronous context manager.

    `model_id` names the model to the service. `timeout_seconds` is the maximum time of a request. The constructor
    raises ValueError if no service is configured.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.model_url is None:
            raise ValueError("no model service is configured")
        self.model_id = settings.model_name
        self.timeout_seconds = settings.model_timeout
        self.usage = {task: TaskUsage() for task in ModelTask}
        self._url = settings.model_url
        self._headers = {"User-Agent": f"Telex/{__version__}", "Accept-Encoding": "identity"}
        if settings.model_key is not None:
            self._headers["Authorization"] = f"Bearer {settings.model_key.text.strip()}"
        self._clock = clock
        self._request_slots = FairSemaphore(MAX_CONCURRENT_REQUESTS)
        self._background_slots = asyncio.Semaphore(MAX_BACKGROUND_REQUESTS)
        self._paused_until = 0.0
        self._failing_tasks: set[ModelTask] = set()
        self._supports_json_format = self._supports_options = True

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # A small compressed body may be large.
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),  # One timeout covers waiting and response.
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    @property
    def is_paused(self) -> bool:
        """Whether the client sends no requests, because the model service failed a moment ago."""
        return self._clock.monotonic() < self._paused_until

    @property
    def display_name(self) -> str:
        """The model's name as people are shown it: without a path, an owner and the ending of a file."""
        return self.model_id.rpartition("/")[2].removesuffix(".gguf")[:MAX_MODEL_NAME_LENGTH]

    async def complete(
        self,
        prompt: Prompt,
        parse_reply: Callable[[str], T],
        *,
        max_tokens: int,
        server_id: int | None,
        deadline: float | None = None,
        is_background: bool = False,
        is_json: bool = False,
    ) -> T | ModelFailure:
        """Return what `parse_reply` makes of the text that the model generates for a prompt, or the failure.

        `is_background` is for texts that no user is waiting for: of these, `MAX_BACKGROUND_REQUESTS` run at once, and
        the others wait without a limit. The request ends at `deadline`, a time of the event loop, if this comes before
        the client's timeout. A failure of the service pauses the client, except for a rewriting, which answers can do
        without; while it is paused, nothing is requested and a failure of the service is returned. The first failure is
        logged, and the recovery once requests of all failing tasks succeed again. `parse_reply` runs in a thread and
        may raise UnusableReply.
        """
        async with AsyncExitStack() as exit_stack:
            if is_background:
                await exit_stack.enter_async_context(self._background_slots)
            if self.is_paused:
                return ModelFailure.SERVICE
            usage, started_at = self.usage[prompt.task], self._clock.monotonic()
            usage.calls += 1
            try:
                reply = await self._request_reply(prompt, max_tokens, server_id, deadline, is_json=is_json)
                parsed_reply = await asyncio.to_thread(parse_reply, reply)
            except ModelError as error:
                self._report_failure(prompt.task, str(error))
                if prompt.task is not ModelTask.REWRITE_QUESTION:
                    self._paused_until = self._clock.monotonic() + FAILURE_PAUSE_SECONDS
                return ModelFailure.SERVICE
            except UnusableReply as error:
                self._report_failure(prompt.task, str(error))
                return ModelFailure.OUTPUT
            except _NoSlotInTime:
                return ModelFailure.SERVICE
            finally:
                usage.seconds += self._clock.monotonic() - started_at
            self._report_success(prompt.task)
            return parsed_reply

    async def _request_reply(
        self, prompt: Prompt, max_tokens: int, server_id: int | None, deadline: float | None, *, is_json: bool
    ) -> str:
        """Return the text that the model generates. Raises ModelError, or _NoSlotInTime before anything was sent."""
        json_body = {"model": self.model_id, "messages": prompt.messages, "stream": False}
        loop = asyncio.get_running_loop()
        timeout_at = loop.time() + self.timeout_seconds
        request_deadline = timeout_at if deadline is None else min(timeout_at, deadline)
        has_slot = False
        try:
            async with asyncio.timeout_at(request_deadline), self._request_slots.acquire(server_id):
                has_slot = True
                while True:
                    options = self._build_options(max_tokens, is_json=is_json)
                    try:
                        return await self._request_completion(prompt.task, json_body | options)
                    except _BadRequest:
                        if not options:
                            raise
                        # Some services reject the format, some models all options.
                        self._supports_options = "response_format" in options
                        self._supports_json_format = False
        except TimeoutError as error:
            raise ModelError("no answer in time") if has_slot else _NoSlotInTime from error

    def _build_options(self, max_tokens: int, *, is_json: bool) -> dict[str, object]:
        """Return the optional fields of a request, without fields that the service has rejected."""
        if not self._supports_options:
            return {}
        options: dict[str, object] = {"temperature": 0, "max_tokens": max_tokens}
        return options | (
            {"response_format": {"type": "json_object"}} if is_json and self._supports_json_format else {}
        )

    async def check_availability(self) -> str:
        """Ask the model service for its models, and return a phrase for the operator ("answers with 'x'").

        Raises ModelError if the service fails, does not answer in time, or lacks the configured model.
        """
        try:
            async with asyncio.timeout(self.timeout_seconds), self._request("GET", "/models") as response:
                response_json = _parse_json(await _read_body(response))
        except TimeoutError as error:
            raise ModelError(f"no answer in {self.timeout_seconds:g} s") from error
        models = response_json.get("data") if isinstance(response_json, dict) else None
        listed_models = models if isinstance(models, list) else ()
        model_ids = {str(model.get("id")) for model in listed_models if isinstance(model, dict)}
        if model_ids and self.model_id not in model_ids:
            raise ModelError(f"answers, but has no model {self.model_id!r}")
        return f"answers with {self.model_id!r}" if model_ids else "answers"

    async def _request_completion(self, task: ModelTask, json_body: dict[str, object]) -> str:
        async with self._request("POST", "/chat/completions", json_body) as response:
            response_json = _parse_json(await _read_body(response))
        match response_json:
            case {"usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}}:
                self.usage[task].prompt_tokens += parse_integer(prompt_tokens, maximum=MAX_TOKENS) or 0
                self.usage[task].completion_tokens += parse_integer(completion_tokens, maximum=MAX_TOKENS) or 0
        match response_json:
            case {"choices": [{"message": {"content": str(content)}}, *_]}:
                return content
        raise ModelError("an answer without a text")

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, json_body: dict[str, object] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield the response. Raises ModelError if it fails.

        No redirect is followed, since the API key is only for the configured URL.
        """
        try:
            async with self._session.request(
                method, self._url + path, json=json_body, allow_redirects=False
            ) as response:
                if response.status == HTTPStatus.BAD_REQUEST:
                    raise _BadRequest(f"HTTP {response.status}")
                if response.status != HTTPStatus.OK:
                    raise ModelError(f"HTTP {response.status}")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise ModelError("a packed answer")
                yield response
        except (aiohttp.ClientError, OSError) as error:
            raise ModelError(f"no connection ({type(error).__name__})") from error

    def _report_failure(self, task: ModelTask, reason: str) -> None:
        self.usage[task].failures += 1
        if not self._failing_tasks:
            _log.warning("model service failed task=%s error=%s", task, reason)
        self._failing_tasks.add(task)

    def _report_success(self, task: ModelTask) -> None:
        if task in self._failing_tasks:
            self._failing_tasks.discard(task)
            if not self._failing_tasks:
                _log.info("model service recovered")


@asynccontextmanager
async def open_model_client(settings: Settings, clock: Clock) -> AsyncIterator[ModelClient | None]:
    """Open a client of the model service within the block; yield None if no service is configured."""
    if settings.model_url is None:
        yield None
        return
    async with ModelClient(settings, clock) as client:
        yield client


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ModelError(f"an answer of more than {MAX_RESPONSE_BYTES} bytes")
    return body


def _parse_json(json_bytes: bytes) -> object:
    try:
        parsed_json: object = json.loads(json_bytes)
    except (ValueError, RecursionError) as error:
        raise ModelError("an answer that is not JSON") from error
    return parsed_json
