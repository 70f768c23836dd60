"""Bodies of HTTP responses: decompression."""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from collections.abc import Iterator

import brotli

from bot.feeds.decompress import decompress
from bot.feeds.fetch_errors import FeedError
from tests.fuzz.fuzz_target import FuzzTarget
from tests.support.feed_server import make_rss, make_rss_item

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_DECOMPRESSED_BYTES = 2**20
CODINGS = ("", "gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip", "x-gzip", "identity, deflate", "br, br, br")
"""Content codings; the first byte of an input chooses one, the body follows."""
BODY = make_rss(*(make_rss_item(number) for number in range(4))).encode()


def check_decompression(data: bytes) -> None:
    """Decompress a body; the result must be bounded, and anything wrong an error of the feed."""
    if not data:
        return
    try:
        body = asyncio.run(decompress(data[1:], CODINGS[data[0] % len(CODINGS)], MAX_DECOMPRESSED_BYTES))
    except FeedError:
        return
    assert len(body) <= max(MAX_DECOMPRESSED_BYTES, len(data))


def load_seeds() -> Iterator[bytes]:
    """Yield bodies in every coding: whole, in several members, empty members, bombs."""
    raw_deflate = zlib.compressobj(wbits=-15)
    raw_body = raw_deflate.compress(BODY) + raw_deflate.flush()
    bomb = bytes(4 * MAX_DECOMPRESSED_BYTES)
    body_by_coding = {
        "": gzip.compress(BODY),
        "gzip": gzip.compress(BODY[:500]) + gzip.compress(BODY[500:]),
        "deflate": raw_body,
        "br": brotli.compress(BODY),
        "zstd": zstd.compress(BODY[:500]) + zstd.compress(BODY[500:]),
        "gzip, br": brotli.compress(gzip.compress(BODY)),
        "zstd, gzip": gzip.compress(zstd.compress(BODY)),
        "identity, deflate": zlib.compress(BODY),
    }
    for coding, body in body_by_coding.items():
        yield bytes([CODINGS.index(coding)]) + body
    for coding, member in (
        ("gzip", gzip.compress(b"")),
        ("zstd", zstd.compress(b"")),
        ("gzip", gzip.compress(bomb)),
        ("zstd", zstd.compress(bomb)),
        ("br", brotli.compress(bomb)),
    ):
        yield bytes([CODINGS.index(coding)]) + member


TARGETS = (
    FuzzTarget(
        name="decompression",
        check=check_decompression,
        load_seeds=load_seeds,
        tokens=(b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c", gzip.compress(b""), zstd.compress(b"")),
        max_bytes=4096,
    ),
)
