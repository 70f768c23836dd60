"""Client of the optional language model service, whose output is untrusted.

It uses the chat API that OpenAI's servers and many local ones share
(https://platform.openai.com/docs/api-reference/chat). Responses are bounded in size and time, and only what
`citation_checks` and `checkable_facts` find in the articles is used.
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
"""Maximum size in bytes of a response; a streamed response needs hundreds of bytes per word."""
MAX_CONCURRENT_REQUESTS = 2
"""Maximum number of concurrent requests; further requests wait, within their timeout."""
MAX_BACKGROUND_REQUESTS = 1
"""Maximum number of concurrent requests for texts that no user is waiting for."""
FAILURE_PAUSE_SECONDS = 30
"""Time in seconds without requests after the model service has failed."""

_SSE_DATA_PREFIX = "data:"
_SSE_END = "[DONE]"

_log = logging.getLogger(__name__)


class ModelError(Exception):
    """Error raised when the model service fails; its message says why, without secrets."""


class _BadRequest(ModelError):
    """Error raised when the model service rejects a request (HTTP 400)."""


class ModelClient:
    """Client of the configured model service; an asynchronous context manager.

    The constructor raises ValueError if no service is configured.
    """

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
        self._request_slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._background_slots = asyncio.Semaphore(MAX_BACKGROUND_REQUESTS)
        self._paused_until = 0.0
        self._is_failing = False
        self._supports_options = True

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

    async def complete(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        on_partial: Callable[[str], None] | None = None,
        background: bool = False,
    ) -> str | None:
        """Return a generated text of at most `max_tokens` tokens; None if the service fails or is paused.

        `on_partial` is called with all of the text so far while it is being written. `background` requests
        leave room for texts that users wait for.
        """
        if self.is_paused:
            return None
        if background:
            async with self._background_slots:  # The timeout starts when the slot is free.
                return None if self.is_paused else await self._complete(messages, max_tokens, on_partial)
        return await self._complete(messages, max_tokens, on_partial)

    async def _complete(
        self, messages: list[dict[str, str]], max_tokens: int, on_partial: Callable[[str], None] | None
    ) -> str | None:
        json_body = {"model": self.model, "messages": messages, "stream": on_partial is not None}
        options = {"temperature": 0, "max_tokens": max_tokens} if self._supports_options else {}
        has_slot = False
        try:
            async with asyncio.timeout(self._timeout), self._request_slots:
                has_slot = True
                try:
                    generated_text = await self._request_completion(json_body | options, on_partial)
                except _BadRequest:
                    if not options:
                        raise
                    self._supports_options = False  # Some models reject these options.
                    generated_text = await self._request_completion(json_body, on_partial)
        except TimeoutError:
            if has_slot:  # Otherwise other requests took the time.
                self._pause_after_failure(f"no answer in {self._timeout:g} s")
            return None
        except ModelError as error:
            self._pause_after_failure(str(error))
            return None
        if self._is_failing:
            self._is_failing = False
            _log.info("model service recovered")
        return generated_text

    async def check_availability(self) -> str:
        """Ask the model service for its models, and return a phrase for the operator ("answers with 'x'").

        Raises ModelError if the service does not answer in time or lacks the configured model.
        """
        try:
            async with asyncio.timeout(self._timeout), self._request("GET", "/models") as response:
                response_json = _parse_json(await _read_body(response))
        except TimeoutError as error:
            raise ModelError(f"no answer in {self._timeout:g} s") from error
        models = response_json.get("data") if isinstance(response_json, dict) else None
        listed_models = models if isinstance(models, list) else ()
        model_ids = {str(model.get("id")) for model in listed_models if isinstance(model, dict)}
        if model_ids and self.model not in model_ids:
            raise ModelError(f"answers, but has no model {self.model!r}")
        return f"answers with {self.model!r}" if model_ids else "answers"

    async def _request_completion(self, json_body: dict[str, object], on_partial: Callable[[str], None] | None) -> str:
        async with self._request("POST", "/chat/completions", json_body) as response:
            if on_partial is not None and response.content_type == "text/event-stream":
                return await _read_stream(response, on_partial)
            match _parse_json(await _read_body(response)):
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

    def _pause_after_failure(self, reason: str) -> None:
        self._paused_until = self._clock.monotonic() + FAILURE_PAUSE_SECONDS
        if not self._is_failing:
            self._is_failing = True
            _log.warning("model service failed error=%s", reason)


@asynccontextmanager
async def open_model_client(settings: Settings, clock: Clock) -> AsyncIterator[ModelClient | None]:
    """Open a client within the block; yield None if no model service is configured."""
    if settings.model_url is None:
        yield None
        return
    async with ModelClient(settings, clock) as client:
        yield client


async def _read_chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    received_byte_count = 0
    async for chunk in response.content.iter_any():
        received_byte_count += len(chunk)
        if received_byte_count > MAX_RESPONSE_BYTES:
            raise ModelError(f"an answer of more than {MAX_RESPONSE_BYTES} bytes")
        yield chunk


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    return b"".join([chunk async for chunk in _read_chunks(response)])


async def _read_stream(response: aiohttp.ClientResponse, on_partial: Callable[[str], None]) -> str:
    """Return the text of a response that is streamed, calling `on_partial` with the text so far.

    The format is server-sent events (https://html.spec.whatwg.org/#event-stream). Raises ModelError if the
    stream breaks off.
    """
    generated_text = ""
    async for line in _read_lines(response):
        if not line.startswith(_SSE_DATA_PREFIX):
            continue
        event_data = line.removeprefix(_SSE_DATA_PREFIX).strip()
        if event_data == _SSE_END:
            return generated_text
        match _parse_json(event_data.encode()):
            case {"choices": [{"delta": {"content": str(text_piece)}}, *_]} if text_piece:
                generated_text += text_piece
                on_partial(generated_text)
            case {"error": _}:
                raise ModelError("an answer that breaks off")
    raise ModelError("an answer that breaks off")


async def _read_lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    buffer = b""
    async for chunk in _read_chunks(response):
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    yield buffer.decode(errors="replace")


def _parse_json(json_bytes: bytes) -> object:
    try:
        parsed_json: object = json.loads(json_bytes)
    except (ValueError, RecursionError) as error:
        raise ModelError("an answer that is not JSON") from error
    return parsed_json
