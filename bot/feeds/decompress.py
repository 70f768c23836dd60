"""Decompression of HTTP bodies in bounded steps.

A decompression bomb neither fills memory nor blocks the event loop.
"""

import asyncio
import sys
import zlib
from collections.abc import Iterator

import brotli

from bot.feeds.fetch_errors import BAD_ENCODING, TOO_LARGE, TRUNCATED_BODY, FeedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES = 256 * 1024
"""Maximum number of bytes of a decompressed chunk; after a chunk of half of it or more, other tasks get to run."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CODINGS = 2


async def decompress(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Return a body without the compression that its `Content-Encoding` header names (RFC 9110 §8.4).

    The codings are gzip, deflate, br and zstd, at most two of them. A body without the signature of gzip or
    zstd that its header names is returned unchanged; a gzip body is decompressed even if the header does not
    name gzip. Raises FeedError: too-large if the result exceeds `max_bytes`, truncated if the body is cut
    short, encoding if a coding is unknown, there are more than two, or the body is damaged.
    """
    codings = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    if len(codings) > _MAX_CODINGS:
        raise FeedError(BAD_ENCODING, f"packed {len(codings)} times")
    for coding in reversed(codings):
        body = await _decode_coding(body, coding, max_bytes)
    if body.startswith(_GZIP_MAGIC):
        body = await _decode_coding(body, "gzip", max_bytes)
    return body


async def _decode_coding(body: bytes, coding: str, max_bytes: int) -> bytes:
    match coding.removeprefix("x-"):
        case "identity":
            return body
        case "gzip":
            if not body.startswith(_GZIP_MAGIC):
                return body
            chunks = _iter_zlib(body, zlib.MAX_WBITS | 16)
        # Some servers send raw deflate instead of the zlib format.
        case "deflate":
            is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and (body[0] << 8 | body[1]) % 31 == 0
            chunks = _iter_zlib(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        case "br":
            chunks = _iter_brotli(body)
        case "zstd":
            if not body.startswith(_ZSTD_MAGIC):
                return body
            chunks = _iter_zstd(body)
        case _:
            raise FeedError(BAD_ENCODING, f"unknown content coding {coding[:20]!r}")
    return await _join_bounded(chunks, max_bytes)


async def _join_bounded(chunks: Iterator[bytes], max_bytes: int) -> bytes:
    decompressed_chunks: list[bytes] = []
    total_bytes = 0
    try:
        for chunk in chunks:
            total_bytes += len(chunk)
            if total_bytes > max_bytes:
                raise FeedError(TOO_LARGE, f"more than {max_bytes} bytes when unpacked")
            decompressed_chunks.append(chunk)
            if len(chunk) >= CHUNK_BYTES // 2:
                await asyncio.sleep(0)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise FeedError(BAD_ENCODING, str(error)[:200]) from error
    return b"".join(decompressed_chunks)


def _iter_zlib(body: bytes, window_bits: int) -> Iterator[bytes]:
    remaining_bytes = body
    while remaining_bytes:  # a gzip file may have several members
        decompressor = zlib.decompressobj(window_bits)
        while not decompressor.eof:
            chunk = decompressor.decompress(remaining_bytes, CHUNK_BYTES)
            if not chunk and not decompressor.eof:
                raise FeedError(TRUNCATED_BODY, "packed body is cut short")
            yield chunk
            remaining_bytes = decompressor.unconsumed_tail
        remaining_bytes = decompressor.unused_data
        if not remaining_bytes.startswith(_GZIP_MAGIC):
            return  # Only padding follows.


def _iter_brotli(body: bytes) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    chunk = decompressor.process(body, output_buffer_limit=CHUNK_BYTES)
    yield chunk
    while not decompressor.is_finished():
        chunk = decompressor.process(b"", output_buffer_limit=CHUNK_BYTES)
        if not chunk:
            raise FeedError(TRUNCATED_BODY, "packed body is cut short")
        yield chunk


def _iter_zstd(body: bytes) -> Iterator[bytes]:
    remaining_bytes = body
    while remaining_bytes.startswith(_ZSTD_MAGIC):  # several frames
        decompressor = zstd.ZstdDecompressor()
        yield decompressor.decompress(remaining_bytes, CHUNK_BYTES)
        while not decompressor.eof:
            chunk = decompressor.decompress(b"", CHUNK_BYTES)
            if not chunk and decompressor.needs_input:
                raise FeedError(TRUNCATED_BODY, "packed body is cut short")
            yield chunk
        remaining_bytes = decompressor.unused_data
