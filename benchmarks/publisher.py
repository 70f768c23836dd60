"""HTTP server of feeds for benchmarks, in a process of its own, on all addresses of 127.0.0.0/8.

    python -m benchmarks.publisher

It prints its port. `/feed/V/N/E` is version V of feed N with E entries; `/304/...` is always unchanged.
`/grow/N/E/G/A` has E old entries, and, beginning A seconds before `/begin` was requested, a new one every G seconds on
average; it is unchanged if the request has the validator of the newest version. The server implements just enough HTTP
to keep connections alive, so that it uses little CPU of the machine that is measured.
"""

from __future__ import annotations

import asyncio
import random
import time
from email.utils import formatdate
from functools import lru_cache
from html import escape

WORDS = (
    "the of and to in a is that for on with as it are was by from at this have new data model company police "
    "camera face recognition software people court rule privacy network security update release quantum chip "
    "battery engine market price report research team open source language code memory storage cloud server"
).split()
TEXT = " ".join(WORDS * 3)
LONG_AGO = 1_750_000_000
TAGS = ("AI", "Security", "Privacy", "Hardware", "Law", "Science")


def render_document(version: int, number: int, entries: int) -> bytes:
    """Render an RSS document; no two versions or feeds share an entry."""
    chance = random.Random(f"{version} {number}")
    rss_items = []
    for entry in range(entries):
        name = f"{version}-{number}-{entry}"
        text = " ".join(chance.choices(WORDS, k=160))
        minute, hour, day = entry % 60, entry // 60 % 24, 1 + number % 28
        rss_items.append(
            f"<item><title>{escape(' '.join(chance.choices(WORDS, k=9)).capitalize())} {name}</title>"
            f"<link>https://site{number}.example/articles/{name}</link><guid>{name}</guid>"
            f"<pubDate>{day:02} Apr 2026 {hour:02}:{minute:02}:00 GMT</pubDate>"
            f"<category>{chance.choice(TAGS)}</category>"
            f"<description>{escape(f'<p>{text}</p><p><img src=https://i.example/{name}.jpg></p>')}</description>"
            "</item>"
        )
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>Site {number}</title>"
        f"<link>https://site{number}.example/</link><language>en</language>{''.join(rss_items)}</channel></rss>"
    ).encode()


class GrowingFeed:
    """A feed that publishes an entry every `gap` seconds on average, beginning at a time."""

    def __init__(self, number: int, entries: int, gap: float, since: float) -> None:
        self._number, self._gap, self._chance = number, gap, random.Random(number)
        self._published = [LONG_AGO + entry * 1_000.0 for entry in range(entries)]
        self._count = entries
        self._next = since + draw_first_delay(self._chance, gap)

    def answer(self, known_version: bytes, now: float) -> bytes:
        """Return the response at a time to a request with the validator `known_version`."""
        while self._next <= now:
            self._published = [*self._published[1:], self._next]
            self._count += 1
            self._next += self._chance.expovariate(1 / self._gap)
        version = b'"%d"' % self._count
        return _not_modified(version) if version == known_version else _ok_response(self.render_document(), version)

    def render_document(self) -> bytes:
        newest = list(enumerate(self._published, self._count - len(self._published)))[::-1]
        rss_items = "".join(
            f"<item><title>{' '.join(random.Random(f'{self._number} {entry}').choices(WORDS, k=9))} {entry}"
            f"</title><link>https://site{self._number}.example/grown/{entry}</link>"
            f"<guid>{self._number}-{entry}</guid><pubDate>{formatdate(published)}</pubDate>"
            f"<description>{escape(TEXT)}</description></item>"
            for entry, published in newest
        )
        title = f"Site {self._number}"
        return f"<rss version='2.0'><channel><title>{title}</title>{rss_items}</channel></rss>".encode()


def draw_first_delay(chance: random.Random, gap: float) -> float:
    """Draw the seconds until the first entry of a feed; this must be the first use of `chance`."""
    return chance.expovariate(1 / gap)


_growing_feeds: dict[str, GrowingFeed] = {}
_begin_times: list[float] = []


def _answer_growing(path: str, known_version: bytes) -> bytes:
    number, entries, gap, age = map(int, path.split("/")[2:])
    if not _begin_times:  # Only the old entries.
        return _ok_response(GrowingFeed(number, entries, gap, time.time()).render_document(), b'"%d"' % entries)
    feed = _growing_feeds.get(path)
    if feed is None:
        feed = _growing_feeds[path] = GrowingFeed(number, entries, gap, _begin_times[0] - age)
    return feed.answer(known_version, time.time())


def _answer(path: str, head: bytes) -> bytes:
    if path == "/begin":
        _begin_times.append(time.time())
    elif path.startswith("/grow/"):
        return _answer_growing(path, head.partition(b"If-None-Match: ")[2].partition(b"\r")[0])
    return _answer_fixed(path)


@lru_cache(maxsize=1_000)
def _answer_fixed(path: str) -> bytes:
    kind, *numbers = path.strip("/").split("/")
    if kind != "feed":
        return _not_modified(b'"1"')
    return _ok_response(render_document(*map(int, numbers)))


def _not_modified(version: bytes) -> bytes:
    return b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\nDate: Tue, 05 May 2026 08:00:00 GMT\r\n\r\n" % version


def _ok_response(body: bytes, version: bytes = b"") -> bytes:
    tag = b"ETag: %s\r\n" % version if version else b""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n%sContent-Length: %d\r\n\r\n"
    return head % (tag, len(body)) + body


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            writer.write(_answer(head.split(b" ", 2)[1].decode(), head))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.start_server(_serve, "0.0.0.0", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent process reads the port
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
