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

PAGE, WARM = 20, 10


def main() -> None:
    """Read the queries, print the costs."""
    asked, feeds = json.load(sys.stdin), Path(sys.argv[1])
    with TemporaryDirectory() as folder:
        reader = make_reader(str(Path(folder) / "reader.db"), feed_root=str(feeds))
        for path in sorted(feeds.rglob("*.*")):
            reader.add_feed(str(path.relative_to(feeds)))
        reader.update_feeds()
        reader.enable_search()
        reader.update_search()

        def page(query: str) -> int:
            return len(list(islice(reader.search_entries(query), PAGE)))

        for query in asked[:WARM]:
            page(query)
        took, found = [], []
        for query in asked:
            began = time.process_time()
            found.append(page(query))
            took.append((time.process_time() - began) * 1_000)
        json.dump({"articles": reader.get_entry_counts().total, "took": took, "found": found}, sys.stdout)


if __name__ == "__main__":
    main()
