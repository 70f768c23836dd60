"""Benchmark of hostile and unusual feed documents: whether each passes the whole pipeline without an error.

    python -m benchmarks.hostile [--record]

Each document (recorded, collected or made to do harm) is fetched from loopback, parsed in a worker, stored as
articles, rendered and polled again, which must give no new article. Printed are the documents by outcome. Exits 1
and names the document if the bot logs an error, stores anything without a limit or renders anything that Discord
would refuse. With `--record` the figures are written to docs/PROMISES.md.
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
LARGE_DOCUMENTS: dict[str, bytes] = {
    "fifty thousand entries": make_rss(*(f"<item><guid>{number}</guid></item>" for number in range(50_000))).encode(),
    "ten thousand categories": make_rss(
        f"<item><guid>1</guid>{''.join(f'<category>c{number}</category>' for number in range(10_000))}</item>"
    ).encode(),
    "a text of nine megabytes": make_rss(f"<item><description>{'word ' * 1_800_000}</description></item>").encode(),
}


def load_documents() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the body of each document."""
    for path in sorted((SHARED / "feeds").rglob("*")):
        if path.suffix in SUFFIXES:
            yield str(path.relative_to(SHARED)), path.read_bytes()
    yield from ((name, text.encode("utf-8", "surrogatepass")) for name, (text, _) in BOUNDED_DOCUMENTS.items())
    yield from REFUSED_DOCUMENTS.items()
    yield from LARGE_DOCUMENTS.items()


async def process_documents() -> tuple[Counter[str], list[str]]:
    """Send all documents through the pipeline; return the counts by outcome and the violations invariants."""
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_pipeline(Path(folder)) as pipeline:
            for name, body in load_documents():
                try:
                    report = await pipeline.process(body)
                except BrokenInvariant as error:
                    violations.append(f"{name}: {error}")
                    progress.print(f"FAILED {violations[-1]}")
                    continue
                outcomes[report.error_code or report.outcome.value] += 1
                outcomes["articles"] += report.new_count
    return outcomes, violations


def main() -> int:
    """Process all documents and print the outcomes; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write the figures to docs/PROMISES.md")
    arguments = parser.parse_args()
    commit = promises.describe_commit()
    started_at = time.monotonic()
    outcomes, violations = asyncio.run(process_documents())
    document_count = sum(count for name, count in outcomes.items() if name != "articles")
    for name, count in outcomes.most_common():
        out.print(f"{count:>8,}  {name}")
    out.print(f"{document_count:,} documents in {time.monotonic() - started_at:.0f} s, {len(violations)} failed")
    if arguments.record and not violations:
        figure = (
            f"{document_count:,} documents, {outcomes['articles']:,} articles, unhandled errors 0, repeated articles 0"
        )
        promises.record("hostile", figure, commit=commit)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
