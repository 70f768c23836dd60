"""Every recorded and collected document, and some made to hurt, through the whole way.

    python -m tests.benchmarks.hostile [--record]

Each is fetched from loopback, parsed in a worker, taken in, stored, rendered, and read again, which must
bring nothing new. An error that the bot logs, anything stored without bound and anything that Discord would
refuse is told with the document's name, and the exit status is 1. With --record the figures go into
docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks import promises
from tests.feed_server import rss
from tests.pipeline import Broken, open_pipeline
from tests.polling.test_hostile_feeds import BOUNDED, REFUSED
from tests.shared import SHARED

out, say = Console(highlight=False), Console(highlight=False, stderr=True)
SUFFIXES = {".xml", ".json", ".rss", ".atom", ".rdf", ".html"}
LARGE: dict[str, bytes] = {
    "fifty thousand entries": rss(*(f"<item><guid>{n}</guid></item>" for n in range(50_000))).encode(),
    "ten thousand categories": rss(
        f"<item><guid>1</guid>{''.join(f'<category>c{n}</category>' for n in range(10_000))}</item>"
    ).encode(),
    "a text of nine megabytes": rss(
        f"<item><description>{'word ' * 1_800_000}</description></item>"
    ).encode(),
}


def documents() -> Iterator[tuple[str, bytes]]:
    """Names and documents."""
    for path in sorted((SHARED / "feeds").rglob("*")):
        if path.suffix in SUFFIXES:
            yield str(path.relative_to(SHARED)), path.read_bytes()
    yield from ((name, text.encode("utf-8", "surrogatepass")) for name, (text, _) in BOUNDED.items())
    yield from REFUSED.items()
    yield from LARGE.items()


async def run() -> tuple[Counter[str], list[str]]:
    """How many documents ended how, and those that broke something."""
    ends: Counter[str] = Counter()
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_pipeline(Path(folder)) as pipeline:
            for name, body in documents():
                try:
                    report = await pipeline.through(body)
                except Broken as error:
                    broken.append(f"{name}: {error}")
                    say.print(f"BROKEN {broken[-1]}")
                    continue
                ends[report.error or report.outcome.value] += 1
                ends["articles"] += report.new
    return ends, broken


def main() -> int:
    """Run it from the command line."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--record", action="store_true", help="write the figures into docs/PROMISES.md")
    given = options.parse_args()
    commit = promises.commit()
    started = time.monotonic()
    ends, broken = asyncio.run(run())
    read = sum(number for name, number in ends.items() if name != "articles")
    for name, number in ends.most_common():
        out.print(f"{number:>8,}  {name}")
    out.print(f"{read:,} documents in {time.monotonic() - started:.0f} s, {len(broken)} broke something")
    if given.record and not broken:
        figure = f"{read:,} documents, {ends['articles']:,} articles, unhandled errors 0, new again 0"
        promises.record("hostile", figure, commit=commit)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
