"""Services on a database that is filled by the code of `telex import`, for benchmarks of search and answers."""

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
    """Return the objects of a gzipped JSON Lines file in the shared folder. Raises `SystemExit` if it is absent."""
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        raise SystemExit(f"needs ../shared/{name}.jsonl.gz, which is not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def make_document_url(document: dict[str, Any]) -> str:
    """Return the canonical URL of a document: its own, or one made from its ID."""
    url = document.get("url") or f"https://{document['lang']}.example.org/{document['doc_id']}"
    return urls.canonicalize(url)


def make_import_line(document: dict[str, Any]) -> bytes:
    """Return a document of the shared folder as a line of a file for `telex import`."""
    date = document.get("date")
    row = {
        "url": make_document_url(document),
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
    """Import the documents. Raises `SystemExit` if one is rejected."""
    lines = b"".join(map(make_import_line, documents))
    import_report = await article_files.import_lines(newsroom, io.BytesIO(lines))
    if import_report.problems:
        raise SystemExit(f"line {import_report.problems[0].line_number}: {import_report.problems[0].reason}")


@asynccontextmanager
async def open_filled_newsroom(
    documents: Iterable[dict[str, Any]], *, semantic: bool = False
) -> AsyncIterator[Services]:
    """Yield services on a temporary database with the documents and, with `semantic`, their vectors."""
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
