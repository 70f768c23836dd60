"""A searcher of a store, with the index in a folder beside the test's database."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import WeakKeyDictionary

from bot.search.index.index_updater import IndexUpdater
from bot.search.searching import Searcher
from bot.store import Store

_indexes: WeakKeyDictionary[Store, IndexUpdater] = WeakKeyDictionary()


def build_searcher(store: Store, *args: Any, **options: Any) -> Searcher:
    """A searcher; all of one store share an index, which catches up before each search."""
    if store not in _indexes:
        _indexes[store] = IndexUpdater(store, Path(mkdtemp(prefix="index-", dir=Path.cwd())))
    return Searcher(store, _indexes[store], *args, **options)
