"""A newsroom filled through `telex import`'s own code, for the benchmarks of quality."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.cli import article_files
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.text import urls
from tests.support.shared_data import SHARED


def read_rows(name: str) -> list[dict[str, Any]]:
    """The objects of a gzipped JSON Lines file of the shared material."""
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        raise SystemExit(f"needs ../shared/{name}.jsonl.gz, which is not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def document_url(document: dict[str, Any]) -> str:
    """The address under which a document is kept: its own, or one made of its id."""
    url = document.get("url") or f"https://{document['lang']}.example.org/{document['doc_id']}"
    return urls.canonicalize(url)


def import_line(document: dict[str, Any]) -> bytes:
    """A document of the shared material as a line of `telex import`."""
    date = document.get("date")
    row = {
        "url": document_url(document),
        "title": document["title"],
        "text": document["text"],
        "summary": document.get("summary", ""),
        "published": f"{date}T{document['time']}:00Z" if date and document.get("time") else date,
        "language": document["lang"],
        "source": document.get("source", "Library"),
        "author": document.get("author"),
        "tags": document.get("categories", []),
    }
    return json.dumps(row).encode() + b"\n"


async def import_documents(newsroom: Services, documents: Iterable[dict[str, Any]]) -> None:
    """Import these documents. Raises `SystemExit` where one is rejected."""
    import_report = await article_files.import_lines(newsroom, io.BytesIO(b"".join(map(import_line, documents))))
    if import_report.problems:
        raise SystemExit(f"line {import_report.problems[0].line_number}: {import_report.problems[0].reason}")


@asynccontextmanager
async def open_filled_newsroom(
    documents: Iterable[dict[str, Any]], *, semantic: bool = False
) -> AsyncIterator[Services]:
    """A newsroom with a database of its own that holds these documents, with `semantic` their vectors too."""
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        async with open_services(
            replace(read_settings(), database=Path(folder) / "telex.db", semantic=semantic)
        ) as newsroom:
            await import_documents(newsroom, documents)
            if semantic:
                if newsroom.semantic_index is None:
                    raise SystemExit("needs the extra: pip install 'telex[semantic]'")
                await newsroom.semantic_index.encode_missing()
                await newsroom.semantic_index.start_encoder()
            yield newsroom
