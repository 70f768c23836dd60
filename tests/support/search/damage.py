"""Damage to the files of an index, while somebody searches it."""

from pathlib import Path

from bot.search.index.search_engine import UNRESTRICTED_SCOPE
from bot.search.index.tantivy_engine import TantivyEngine
from bot.search.query.query_tree import Word


def corrupt_index(engine: TantivyEngine) -> None:
    """Overwrite the files of an index that is in use: with these bytes a look-up of any word panics."""
    engine.get_document_frequency("museum")
    engine.match_all([Word("museum")], UNRESTRICTED_SCOPE, 1)
    for path in list_index_files(engine.folder):
        with path.open("r+b") as file:
            file.write(b"U" * path.stat().st_size)


def list_index_files(folder: Path) -> list[Path]:
    """The files of an index that hold articles."""
    return [path for path in folder.iterdir() if path.suffix not in {".json", ".lock"}]
