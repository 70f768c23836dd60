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
"""Maximum number of decompressed bytes of a step; between steps, other tasks get to run."""
INPUT_CHUNK_BYTES = 64 * 1024
"""Maximum number of compressed bytes that a step reads, so that a step is short even if it yields nothing."""
MAX_MEMBERS = 1_000
"""Maximum number of gzip members or zstd frames of a body; tools that make several put 64 KiB or more into each."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CODINGS = 2
_MAX_ZSTD_WINDOW_LOG = 23
"""Base-2 logarithm of the window that a zstd frame may need at most in HTTP: 8 MiB (RFC 9659 §3)."""


async def decompress(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Return a body without the compression that its `Content-Encoding` header names (RFC 9110 §8.4).

    The codings are gzip, deflate, br and zstd, at most two of them. A body without the signature of gzip or
    zstd that its header names is returned unchanged; a gzip body is decompressed even if the header does not
    name gzip. Raises FeedError: too-large if the result exceeds `max_bytes`, truncated if the body is cut
    short, encoding if a coding is unknown, there are more than two or more than `MAX_MEMBERS` members, or the
    body is damaged.
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
            await asyncio.sleep(0)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise FeedError(BAD_ENCODING, str(error)[:200]) from error
    return b"".join(decompressed_chunks)


def _iter_zlib(body: bytes, window_bits: int) -> Iterator[bytes]:
    view, offset = memoryview(body), 0
    for _member_number in range(MAX_MEMBERS):  # a gzip file may have several members
        decompressor = zlib.decompressobj(window_bits)
        while not decompressor.eof:
            compressed_chunk = view[offset : offset + INPUT_CHUNK_BYTES]
            chunk = decompressor.decompress(compressed_chunk, CHUNK_BYTES)
            unread_bytes = len(decompressor.unconsumed_tail) + len(decompressor.unused_data)
            offset += len(compressed_chunk) - unread_bytes
            if not chunk and not compressed_chunk:
                raise FeedError(TRUNCATED_BODY, "packed body is cut short")
            yield chunk
        if view[offset : offset + len(_GZIP_MAGIC)] != _GZIP_MAGIC:
            return  # Only padding follows.
    raise FeedError(BAD_ENCODING, f"more than {MAX_MEMBERS} packed members")


def _iter_brotli(body: bytes) -> Iterator[bytes]:
    view, offset = memoryview(body), 0
    decompressor = brotli.Decompressor()
    while not decompressor.is_finished():
        compressed_chunk = view[offset : offset + INPUT_CHUNK_BYTES] if decompressor.can_accept_more_data() else b""
        offset += len(compressed_chunk)
        chunk = decompressor.process(compressed_chunk, output_buffer_limit=CHUNK_BYTES)
        if not chunk and not compressed_chunk and not decompressor.is_finished():
            raise FeedError(TRUNCATED_BODY, "packed body is cut short")
        yield chunk


def _iter_zstd(body: bytes) -> Iterator[bytes]:
    view, offset = memoryview(body), 0
    for _frame_number in range(MAX_MEMBERS):
        decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_ZSTD_WINDOW_LOG})
        while not decompressor.eof:
            compressed_chunk = view[offset : offset + INPUT_CHUNK_BYTES] if decompressor.needs_input else b""
            chunk = decompressor.decompress(compressed_chunk, CHUNK_BYTES)
            offset += len(compressed_chunk)
            if not chunk and not compressed_chunk and decompressor.needs_input:
                raise FeedError(TRUNCATED_BODY, "packed body is cut short")
            yield chunk
        offset -= len(decompressor.unused_data)
        if view[offset : offset + len(_ZSTD_MAGIC)] != _ZSTD_MAGIC:
            return
    raise FeedError(BAD_ENCODING, f"more than {MAX_MEMBERS} packed frames")
