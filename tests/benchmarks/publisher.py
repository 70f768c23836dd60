"""A publisher in a process of its own, on all of 127.0.0.0/8: `python -m tests.benchmarks.publisher`.

`/feed/V/N/E` is version V of feed N with E entries; `/304/...` is always unchanged; `/grow/N/E/I` has E
entries, each time another newest one, published in the last I seconds. It speaks just enough HTTP to keep
connections alive, so that it takes little of the machine that is measured. Prints its port.
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
TAGS = ("AI", "Security", "Privacy", "Hardware", "Law", "Science")


def document(version: int, number: int, entries: int) -> bytes:
    """An RSS document; no two versions or feeds share an entry."""
    chance = random.Random(f"{version} {number}")
    items = []
    for entry in range(entries):
        name = f"{version}-{number}-{entry}"
        text = " ".join(chance.choices(WORDS, k=160))
        minute, hour, day = entry % 60, entry // 60 % 24, 1 + number % 28
        items.append(
            f"<item><title>{escape(' '.join(chance.choices(WORDS, k=9)).capitalize())} {name}</title>"
            f"<link>https://site{number}.example/articles/{name}</link><guid>{name}</guid>"
            f"<pubDate>{day:02} Apr 2026 {hour:02}:{minute:02}:00 GMT</pubDate>"
            f"<category>{chance.choice(TAGS)}</category>"
            f"<description>{escape(f'<p>{text}</p><p><img src=https://i.example/{name}.jpg></p>')}</description>"
            "</item>"
        )
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>Site {number}</title>"
        f"<link>https://site{number}.example/</link><language>en</language>{''.join(items)}</channel></rss>"
    ).encode()


_grown: dict[str, list[tuple[int, float]]] = {}


def grown(path: str, number: int, entries: int, interval: int) -> bytes:
    """The feed's document with one entry more than the last time; the newest so many."""
    known = _grown.get(path)
    if known is None:
        known = [(entry, time.time() - (entries - entry) * interval) for entry in range(entries)]
    else:
        known.append((known[-1][0] + 1, time.time() - random.random() * interval))
    _grown[path] = known = known[-entries:]
    items = "".join(
        f"<item><title>{' '.join(random.Random(f'{number} {entry}').choices(WORDS, k=9))} {entry}</title>"
        f"<link>https://site{number}.example/grown/{entry}</link><guid>{number}-{entry}</guid>"
        f"<pubDate>{formatdate(published)}</pubDate><description>{escape(TEXT)}</description></item>"
        for entry, published in reversed(known)
    )
    return f"<rss version='2.0'><channel><title>Site {number}</title>{items}</channel></rss>".encode()


def _answer(path: str) -> bytes:
    kind, *numbers = path.strip("/").split("/")
    if kind == "grow":
        return _whole(grown(path, *map(int, numbers)))
    return _fixed(path)


@lru_cache(maxsize=1_000)
def _fixed(path: str) -> bytes:
    kind, *numbers = path.strip("/").split("/")
    if kind != "feed":
        return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nDate: Tue, 05 May 2026 08:00:00 GMT\r\n\r\n'
    return _whole(document(*map(int, numbers)))


def _whole(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            writer.write(_answer(head.split(b" ", 2)[1].decode()))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.start_server(_serve, "0.0.0.0", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the parent reads
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
