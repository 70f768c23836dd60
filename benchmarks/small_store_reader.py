"""The half of `small_store` that runs where `reader` is installed: queries in, what each page cost out.

PYTHON small_store_reader.py FEEDS < QUERIES
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
    """Read the queries, print the costs."""
    queries, feeds = json.load(sys.stdin), Path(sys.argv[1])
    with TemporaryDirectory() as folder:
        reader = make_reader(str(Path(folder) / "reader.db"), feed_root=str(feeds))
        for path in sorted(feeds.rglob("*.*")):
            reader.add_feed(str(path.relative_to(feeds)))
        reader.update_feeds()
        reader.enable_search()
        reader.update_search()

        def page(query: str) -> int:
            return len(list(islice(reader.search_entries(query), PAGE)))

        for query in queries[:WARM_UP_QUERIES]:
            page(query)
        milliseconds, hit_counts = [], []
        for query in queries:
            started_at = time.process_time()
            hit_counts.append(page(query))
            milliseconds.append((time.process_time() - started_at) * 1_000)
        json.dump(
            {"articles": reader.get_entry_counts().total, "took": milliseconds, "found": hit_counts},
            sys.stdout,
        )


if __name__ == "__main__":
    main()
