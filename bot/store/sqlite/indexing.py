"""The rows of `article_terms`, `title_terms` and `pair_terms`, which keep no copy of what they were given.

An entry is taken out by giving its old terms once more (https://www.sqlite.org/fts5.html, "The 'delete'
command"), so they are made again from the stored article; `bot.text.terms.index_terms` always makes the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from bot.store.connection import Connection, Row
from bot.text import terms

log = logging.getLogger(__name__)

SOURCE = """
    id, title, coalesce(page_text, body, text) AS body, language, feed_id, outlet, author, tags, published,
    image
"""
TABLES = ("article_terms", "title_terms", "pair_terms")
BATCH = 2_000  # articles
MERGED = 64  # pages of an index that are written at a time: some milliseconds
SMALL = 0.1  # of the largest part, up to which the others together may be


def stored_terms(row: Row) -> terms.IndexTerms:
    """The terms of an article of the columns `SOURCE`."""
    return terms.index_terms(
        title=row["title"],
        body=row["body"],
        language=row["language"],
        feed_id=row["feed_id"],
        outlet=row["outlet"],
        author=row["author"],
        tags=tuple(json.loads(row["tags"])),
        published=row["published"],
        image=row["image"],
    )


def add(connection: Connection, entries: Iterable[tuple[int, str, str, str, str]]) -> None:
    """Index articles: id and the terms of title, body and meta, and the pairs."""
    entries = list(entries)
    connection.executemany(
        "INSERT INTO article_terms (rowid, title, body, meta) VALUES (?, ?, ?, ?)",
        (entry[:4] for entry in entries),
    )
    connection.executemany(
        "INSERT INTO title_terms (rowid, title) VALUES (?, ?)", ((entry[0], entry[1]) for entry in entries)
    )
    connection.executemany(
        "INSERT INTO pair_terms (rowid, pairs) VALUES (?, ?)", ((entry[0], entry[4]) for entry in entries)
    )


def remove(connection: Connection, entries: Iterable[tuple[int, str, str, str, str]]) -> None:
    """Take articles out of the index: id and the terms they were indexed with."""
    entries = list(entries)
    connection.executemany(
        "INSERT INTO article_terms (article_terms, rowid, title, body, meta) VALUES ('delete', ?, ?, ?, ?)",
        (entry[:4] for entry in entries),
    )
    connection.executemany(
        "INSERT INTO title_terms (title_terms, rowid, title) VALUES ('delete', ?, ?)",
        ((entry[0], entry[1]) for entry in entries),
    )
    connection.executemany(
        "INSERT INTO pair_terms (pair_terms, rowid, pairs) VALUES ('delete', ?, ?)",
        ((entry[0], entry[4]) for entry in entries),
    )


def replace(connection: Connection, before: Row) -> None:
    """Index an article anew after a change of its row; `before` is the row of `SOURCE` as it was."""
    after = connection.execute(f"SELECT {SOURCE} FROM article WHERE id = ?", (before["id"],)).fetchone()
    old, new = stored_terms(before), stored_terms(after)
    if old != new:
        remove(connection, [(before["id"], *old)])
        add(connection, [(before["id"], *new)])


def outdated(connection: Connection) -> bool:
    """Whether the index was made by another version of `bot.text.terms`."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'terms_version'").fetchone()
    return row is None or row[0] != str(terms.VERSION)


def empty(connection: Connection) -> None:
    """Begin anew."""
    connection.execute("DELETE FROM meta WHERE name = 'terms_version'")
    for table in TABLES:
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
        # Fewer and later merges than by default, since writes come in bursts.
        connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', 8)")
        connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('usermerge', 2)")


def merge(connection: Connection, table: str) -> bool:
    """Merge some of the parts that an index is in; whether there may be more to merge.

    Each transaction that adds articles makes a part, and each word that is looked for is looked up in all.
    """
    changes = connection.total_changes
    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', {MERGED})")
    return connection.total_changes - changes > 1  # https://www.sqlite.org/fts5.html, "The 'merge' command"


def gather(connection: Connection, table: str) -> bool:
    """Have `merge` make one of all parts, of whatever size, where those beside the largest have grown.

    Ten times as much as was added since is written for it at the most. Whether there is something to merge.
    """
    rows = connection.execute(f"SELECT count(*) FROM {table}_idx GROUP BY segid").fetchall()
    *others, largest = sorted(row[0] for row in rows) or [0]
    if sum(others) <= SMALL * largest:
        return False
    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', {-MERGED})")
    return True


def fill(connection: Connection, after: int) -> int | None:
    """Index the next articles, those with an id above `after`; the last id, None when none are left."""
    rows = connection.execute(
        f"SELECT {SOURCE} FROM article WHERE id > ? ORDER BY id LIMIT ?",
        (after, BATCH),
    ).fetchall()
    if not rows:
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('terms_version', ?)", (str(terms.VERSION),)
        )
        return None
    add(connection, ((row["id"], *stored_terms(row)) for row in rows))
    return int(rows[-1]["id"])
