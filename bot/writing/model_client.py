"""The optional model: a service that writes what it is asked to, and is never believed.

It speaks the chat API that OpenAI's servers and many local ones share
(https://platform.openai.com/docs/api-reference/chat). What it answers is bounded in size and time, and only
what `citation_checks` and `claims` find in the articles counts.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.core.version import __version__

MAX_RESPONSE_BYTES = 2**20
"""Of a response; one that comes in pieces takes hundreds of bytes a word."""
MAX_CONCURRENT_REQUESTS = 2
"""Requests at the same time; others wait, within their time."""
MAX_BACKGROUND_REQUESTS = 1
"""How many of them may be for what nobody waits for."""
FAILURE_PAUSE_SECONDS = 30
"""Seconds that a service is left alone after it failed."""

_SSE_DATA_PREFIX = "data:"
_SSE_END = "[DONE]"

_log = logging.getLogger(__name__)


class ModelError(Exception):
    """The service gave no answer that can be read; the message says why, without secrets."""


class _BadRequest(ModelError):
    """The service does not understand the request."""


class ModelClient:
    """Asks the configured service. Used as a context manager. Raises ValueError where none is configured."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.model_url is None:
            raise ValueError("no model service is configured")
        self.model = settings.model_name
        self._url = settings.model_url
        self._timeout = settings.model_timeout
        self._headers = {"User-Agent": f"Telex/{__version__}", "Accept-Encoding": "identity"}
        if settings.model_key is not None:
            self._headers["Authorization"] = f"Bearer {settings.model_key.get_secret_value().strip()}"
        self._clock = clock
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._background_slots = asyncio.Semaphore(MAX_BACKGROUND_REQUESTS)
        self._paused_until = 0.0
        self._failing = False
        self._supports_options = True

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small packed body may be large
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),  # one for waiting and answering together
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def is_paused(self) -> bool:
        """Whether the service failed a moment ago, and is not asked."""
        return self._clock.monotonic() < self._paused_until

    async def complete(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        on_partial: Callable[[str], None] | None = None,
        background: bool = False,
    ) -> str | None:
        """What the service writes, at most so many tokens; None when it fails or failed a moment ago.

        `told` is called with all that is written so far, again and again while it is being written. What
        nobody waits for is asked `run_in_worker`: it leaves a place to those who wait.
        """
        if self.is_paused:
            return None
        if background:
            async with self._background_slots:  # its time begins with its turn
                return None if self.is_paused else await self._complete(messages, max_tokens, on_partial)
        return await self._complete(messages, max_tokens, on_partial)

    async def _complete(
        self, messages: list[dict[str, str]], most: int, told: Callable[[str], None] | None
    ) -> str | None:
        body = {"model": self.model, "messages": messages, "stream": told is not None}
        options = {"temperature": 0, "max_tokens": most} if self._supports_options else {}
        is_asked = False
        try:
            async with asyncio.timeout(self._timeout), self._slots:
                is_asked = True
                try:
                    written = await self._ask(body | options, told)
                except _BadRequest:
                    if not options:
                        raise
                    self._supports_options = False  # which some models refuse
                    written = await self._ask(body, told)
        except TimeoutError:
            if is_asked:  # else others were answered meanwhile
                self._pause_after_failure(f"no answer in {self._timeout:g} s")
            return None
        except ModelError as error:
            self._pause_after_failure(str(error))
            return None
        if self._failing:
            self._failing = False
            _log.info("The model service answers again.")
        return written

    async def check_availability(self) -> str:
        """What the service says of its models, in words. Raises ModelError when it cannot be used."""
        try:
            async with asyncio.timeout(self._timeout), self._request("GET", "/models") as response:
                found = _read(await _read_body(response))
        except TimeoutError as error:
            raise ModelError(f"no answer in {self._timeout:g} s") from error
        models = found.get("data") if isinstance(found, dict) else None
        listed = models if isinstance(models, list) else ()
        names = {str(model.get("id")) for model in listed if isinstance(model, dict)}
        if names and self.model not in names:
            raise ModelError(f"answers, but has no model {self.model!r}")
        return f"answers with {self.model!r}" if names else "answers"

    async def _ask(self, body: dict[str, object], told: Callable[[str], None] | None) -> str:
        async with self._request("POST", "/chat/completions", body) as response:
            if told is not None and response.content_type == "text/event-stream":
                return await _read_stream(response, told)
            match _read(await _read_body(response)):
                case {"choices": [{"message": {"content": str(content)}}, *_]}:
                    return content
        raise ModelError("an answer without a text")

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The service's response. A redirect is not followed: the key is for this address alone."""
        try:
            async with self._session.request(
                method, self._url + path, json=body, allow_redirects=False
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

    def _pause_after_failure(self, reason: str) -> None:
        self._paused_until = self._clock.monotonic() + FAILURE_PAUSE_SECONDS
        if not self._failing:
            self._failing = True
            _log.warning("The model service gave no answer (%s): going without it until it does.", reason)


@asynccontextmanager
async def model_client(settings: Settings, clock: Clock) -> AsyncIterator[ModelClient | None]:
    """The client, where a service is configured, closed at the end."""
    if settings.model_url is None:
        yield None
        return
    async with ModelClient(settings, clock) as client:
        yield client


async def _read_chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > MAX_RESPONSE_BYTES:
            raise ModelError(f"an answer of more than {MAX_RESPONSE_BYTES} bytes")
        yield part


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    return b"".join([part async for part in _read_chunks(response)])


async def _read_stream(response: aiohttp.ClientResponse, told: Callable[[str], None]) -> str:
    """A text that comes in pieces, as server-sent events (https://html.spec.whatwg.org/#event-stream)."""
    written = ""
    async for line in _lines(response):
        if not line.startswith(_SSE_DATA_PREFIX):
            continue
        data = line.removeprefix(_SSE_DATA_PREFIX).strip()
        if data == _SSE_END:
            return written
        match _read(data.encode()):
            case {"choices": [{"delta": {"content": str(piece)}}, *_]} if piece:
                written += piece
                told(written)
            case {"error": _}:
                raise ModelError("an answer that breaks off")
    raise ModelError("an answer that breaks off")


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    rest = b""
    async for part in _read_chunks(response):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    yield rest.decode(errors="replace")


def _read(data: bytes) -> object:
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError("an answer that is not JSON") from error
    return found
