"""Every recorded and collected document, and some made to hurt, through the whole way.

    python -m benchmarks.hostile [--record]

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

from benchmarks import promises
from tests.polling.test_hostile_feeds import BOUNDED_DOCUMENTS, REFUSED_DOCUMENTS
from tests.support.feed_server import make_rss
from tests.support.pipeline import BrokenInvariant, open_pipeline
from tests.support.shared_data import SHARED

out, progress = Console(highlight=False), Console(highlight=False, stderr=True)
SUFFIXES = {".xml", ".json", ".rss", ".atom", ".rdf", ".html"}
LARGE: dict[str, bytes] = {
    "fifty thousand entries": make_rss(*(f"<item><guid>{n}</guid></item>" for n in range(50_000))).encode(),
    "ten thousand categories": make_rss(
        f"<item><guid>1</guid>{''.join(f'<category>c{n}</category>' for n in range(10_000))}</item>"
    ).encode(),
    "a text of nine megabytes": make_rss(f"<item><description>{'word ' * 1_800_000}</description></item>").encode(),
}


def load_documents() -> Iterator[tuple[str, bytes]]:
    """Names and documents."""
    for path in sorted((SHARED / "feeds").rglob("*")):
        if path.suffix in SUFFIXES:
            yield str(path.relative_to(SHARED)), path.read_bytes()
    yield from ((name, text.encode("utf-8", "surrogatepass")) for name, (text, _) in BOUNDED_DOCUMENTS.items())
    yield from REFUSED_DOCUMENTS.items()
    yield from LARGE.items()


async def run() -> tuple[Counter[str], list[str]]:
    """How many documents ended how, and those that broke something."""
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_pipeline(Path(folder)) as pipeline:
            for name, body in load_documents():
                try:
                    report = await pipeline.process(body)
                except BrokenInvariant as error:
                    broken.append(f"{name}: {error}")
                    progress.print(f"BROKEN {broken[-1]}")
                    continue
                outcomes[report.error_code or report.outcome.value] += 1
                outcomes["articles"] += report.new_count
    return outcomes, broken


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write the figures into docs/PROMISES.md")
    arguments = parser.parse_args()
    commit = promises.describe_commit()
    started = time.monotonic()
    outcomes, broken = asyncio.run(run())
    document_count = sum(number for name, number in outcomes.items() if name != "articles")
    for name, number in outcomes.most_common():
        out.print(f"{number:>8,}  {name}")
    out.print(f"{document_count:,} documents in {time.monotonic() - started:.0f} s, {len(broken)} broke something")
    if arguments.record and not broken:
        figure = f"{document_count:,} documents, {outcomes['articles']:,} articles, unhandled errors 0, new again 0"
        promises.record("hostile", figure, commit=commit)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
