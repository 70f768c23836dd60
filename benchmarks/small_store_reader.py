"""Search with lemon24/reader for `benchmarks.small_store`, run by an interpreter that has `reader` installed.

    PYTHON small_store_reader.py FEEDS < QUERIES

Reads a JSON list of queries, and prints the CPU milliseconds and the number of results of each as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from reader import make_reader

PAGE, WARM_UP_QUERIES = 20, 10


def main() -> None:
    """Store the feeds, run the queries and print the measurements."""
    queries, feeds = json.load(sys.stdin), Path(sys.argv[1])
    with TemporaryDirectory() as folder:
        reader = make_reader(str(Path(folder) / "reader.db"), feed_root=str(feeds))
        for path in sorted(feeds.rglob("*.*")):
            reader.add_feed(str(path.relative_to(feeds)))
        reader.update_feeds()
        reader.enable_search()
        reader.update_search()

        def search_page(query: str) -> int:
            return len(list(islice(reader.search_entries(query), PAGE)))

        for query in queries[:WARM_UP_QUERIES]:
            search_page(query)
        milliseconds, result_counts = [], []
        for query in queries:
            started_at = time.process_time()
            result_counts.append(search_page(query))
            milliseconds.append((time.process_time() - started_at) * 1_000)
        json.dump(
            {"articles": reader.get_entry_counts().total, "milliseconds": milliseconds, "result_counts": result_counts},
            sys.stdout,
        )


if __name__ == "__main__":
    main()
