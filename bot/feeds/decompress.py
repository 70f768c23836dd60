"""Decompression of HTTP bodies in bounded steps.

A decompression bomb neither fills memory nor blocks the event loop.
"""

import asyncio
import sys
import zlib
from collections.abc import Iterator

import brotli

from bot.feeds.fetch_errors import ENCODING, TOO_LARGE, TRUNCATED, FeedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES = 256 * 1024
"""Bytes decompressed before the event loop runs other tasks."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MOST_CODINGS = 2


async def decompress(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Undo the `Content-Encoding` of a body (RFC 9110 §8.4): gzip, deflate, br, zstd, or two of them.

    A body that is not compressed although its header says so is returned as it is; one that is gzip although
    no header says so is decompressed.
    Raises FeedError: too-large above `max_bytes`, truncated, encoding.
    """
    codings = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    if len(codings) > _MOST_CODINGS:
        raise FeedError(ENCODING, f"packed {len(codings)} times")
    for coding in reversed(codings):
        body = await _decode_coding(body, coding, limit)
    if body.startswith(_GZIP_MAGIC):
        body = await _decode_coding(body, "gzip", limit)
    return body


async def _decode_coding(body: bytes, coding: str, limit: int) -> bytes:
    match coding.removeprefix("x-"):
        case "identity":
            return body
        case "gzip":
            if not body.startswith(_GZIP_MAGIC):
                return body
            steps = _iter_zlib(body, zlib.MAX_WBITS | 16)
        # Some servers send raw deflate instead of the zlib format.
        case "deflate":
            is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and (body[0] << 8 | body[1]) % 31 == 0
            steps = _iter_zlib(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        case "br":
            steps = _iter_brotli(body)
        case "zstd":
            if not body.startswith(_ZSTD_MAGIC):
                return body
            steps = _iter_zstd(body)
        case _:
            raise FeedError(ENCODING, f"unknown content coding {coding[:20]!r}")
    return await _join_bounded(steps, limit)


async def _join_bounded(steps: Iterator[bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for part in steps:
            size += len(part)
            if size > limit:
                raise FeedError(TOO_LARGE, f"more than {limit} bytes when unpacked")
            parts.append(part)
            if len(part) >= CHUNK_BYTES // 2:
                await asyncio.sleep(0)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise FeedError(ENCODING, str(error)[:200]) from error
    return b"".join(parts)


def _iter_zlib(body: bytes, bits: int) -> Iterator[bytes]:
    rest = body
    while rest:  # a gzip file may have several members
        engine = zlib.decompressobj(bits)
        while not engine.eof:
            part = engine.decompress(rest, CHUNK_BYTES)
            if not part and not engine.eof:
                raise FeedError(TRUNCATED, "packed body is cut short")
            yield part
            rest = engine.unconsumed_tail
        rest = engine.unused_data
        if not rest.startswith(_GZIP_MAGIC):
            return  # Only padding follows.


def _iter_brotli(body: bytes) -> Iterator[bytes]:
    engine = brotli.Decompressor()
    part = engine.process(body, output_buffer_limit=CHUNK_BYTES)
    yield part
    while not engine.is_finished():
        part = engine.process(b"", output_buffer_limit=CHUNK_BYTES)
        if not part:
            raise FeedError(TRUNCATED, "packed body is cut short")
        yield part


def _iter_zstd(body: bytes) -> Iterator[bytes]:
    rest = body
    while rest.startswith(_ZSTD_MAGIC):  # several frames
        engine = zstd.ZstdDecompressor()
        yield engine.decompress(rest, CHUNK_BYTES)
        while not engine.eof:
            part = engine.decompress(b"", CHUNK_BYTES)
            if not part and engine.needs_input:
                raise FeedError(TRUNCATED, "packed body is cut short")
            yield part
        rest = engine.unused_data
