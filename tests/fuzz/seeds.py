"""Inputs to begin with: documents beside the checkout, where they are, and those that the tests hold."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.support.shared_data import SHARED

FEED_SUFFIXES = frozenset({".xml", ".rss", ".atom", ".rdf"})
JSON_SUFFIXES = frozenset({".json"})
PAGE_SUFFIXES = frozenset({".html", ".gz"})


def list_shared_files(folder: str, suffixes: Collection[str]) -> list[Path]:
    """Return files beside the checkout in a fixed random order; none where the folder is absent."""
    paths = sorted(path for path in (SHARED / folder).rglob("*") if path.suffix in suffixes)
    random.Random(1).shuffle(paths)
    return paths


def read_shared_files(folder: str, suffixes: Collection[str]) -> Iterator[bytes]:
    """Yield the contents of files beside the checkout, decompressed, each with its suffix among `suffixes`."""
    for path in list_shared_files(folder, suffixes):
        content = path.read_bytes()
        yield gzip.decompress(content) if path.suffix == ".gz" else content


def read_shared_json_lines(path: Path) -> Iterator[dict[str, str]]:
    """Yield the lines of a compressed file of JSON Lines beside the checkout; none where it is absent."""
    if (SHARED / path).exists():
        with gzip.open(SHARED / path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)
