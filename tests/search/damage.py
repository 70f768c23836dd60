"""Damage to the files of an index, while somebody searches it."""

import random
from pathlib import Path

from bot.search.index.engine import EVERYWHERE
from bot.search.index.tantivy_engine import TantivyEngine
from bot.search.query.query_tree import Word


def overwrite_with_noise(engine: TantivyEngine) -> None:
    """Overwrite the files of an index that is in use: from now on the engine panics where it reads them."""
    engine.document_frequency("museum")
    engine.matching([Word("museum")], EVERYWHERE, 1)
    noise = random.Random(1)
    for path in files(engine.folder):
        with path.open("r+b") as file:
            file.write(noise.randbytes(path.stat().st_size))


def files(folder: Path) -> list[Path]:
    """The files of an index that hold articles."""
    return [path for path in folder.iterdir() if path.suffix not in {".json", ".lock"}]
